let probe: HTMLElement | undefined;

/** A color of style.css as it is in the theme in force: a canvas knows nothing of custom properties. */
export function colorOf(name: string): string {
  if (probe === undefined) {
    probe = document.createElement('span');
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
