import { colorOf } from './colors.js';
import { append, make, setAttribute, setText } from './dom.js';
import { roomAbove, seriesOf, type Values } from './plot.js';
import uPlot from './vendor/uplot.js';

export interface Line {
  readonly label: string;
  /** Of style.css. */
  readonly color: string;
}

/** A titled chart of the last minutes, with the latest values in words. */
export class TimeChart {
  readonly element = make('figure', 'chart');
  readonly #values: readonly HTMLElement[];
  readonly #plot = make('div', 'plot');
  #chart: uPlot | undefined;
  #data: uPlot.AlignedData = [[]];

  constructor(
    private readonly title: string,
    private readonly lines: readonly Line[],
    private readonly format: (value: number) => string,
    private readonly height: number,
    private readonly seconds: number,
  ) {
    this.#values = lines.map(({ color }) => {
      const value = make('span', lines.length > 1 ? 'chart-value keyed' : 'chart-value');
      value.dataset.line = color;
      return value;
    });
    const caption = append(make('figcaption'), make('span', 'chart-title', title), ...this.#values);
    append(this.element, caption, this.#plot);
    this.#plot.setAttribute('role', 'img');
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && this.#chart === undefined) this.#build(width);
      else if (width > 0) this.#chart?.setSize({ width, height: this.height });
    }).observe(this.#plot);
  }

  /** One series, and its latest value in words, for each line; one value a second. */
  show(series: readonly Values[], latest: readonly string[]): void {
    const count = series[0]?.length ?? 0;
    const ago = Array.from({ length: count }, (_, index) => index - count + 1);
    this.#data = [ago, ...series] as unknown as uPlot.AlignedData;
    this.#chart?.setData(this.#data);
    latest.forEach((text, at) => {
      setText(this.#values[at] as HTMLElement, text);
    });
    setAttribute(this.#plot, 'aria-label', `${this.title}: ${latest.join(', ')}`);
  }

  /** In the colors of the theme in force. */
  repaint(): void {
    const width = this.#chart?.width;
    this.#chart?.destroy();
    this.#chart = undefined;
    if (width !== undefined) this.#build(width);
  }

  #build(width: number): void {
    const axis = { stroke: colorOf('quiet'), font: '10px system-ui, sans-serif', ticks: { show: false } };
    this.#chart = new uPlot(
      {
        width,
        height: this.height,
        padding: [6, 6, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [1 - this.seconds, 0] },
          y: { range: (_, __, max) => [0, roomAbove(max)] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 18,
            gap: 2,
            splits: () => [-this.seconds * 0.75, -this.seconds / 2, -this.seconds * 0.25],
            values: (_, splits) => splits.map((split) => `−${Math.abs(split)} s`),
          },
          {
            ...axis,
            grid: { stroke: colorOf('line'), width: 1 },
            size: 42,
            gap: 4,
            space: 28,
            values: (_, splits) => splits.map((split) => this.format(split)),
          },
        ],
        series: [{}, ...this.lines.map(({ label, color }, index) => seriesOf(label, color, index === 0))],
      },
      this.#data,
      this.#plot,
    );
  }
}
