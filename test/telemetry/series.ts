/** The value of one series of an exposition, as it is written there; the order of labels doesn't matter. */
export function readSeries(text: string, series: string): number | undefined {
  const wanted = parse(series);
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    if (parse(line.slice(0, space)) === wanted) return Number(line.slice(space + 1));
  }
  return undefined;
}

function parse(series: string): string {
  const [name, labels = ''] = series.split(/[{}]/);
  return [name, ...labels.split(',').sort()].join(',');
}
