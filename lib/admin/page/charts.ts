import { colorOf } from './colors.js';
import { append, make, setAttribute, setText } from './dom.js';
import uPlot from './vendor/uplot.js';

export interface Line {
  readonly label: string;
  /** Of style.css. */
  readonly color: string;
}

type Values = readonly (number | null)[];

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

function seriesOf(label: string, color: string, isFilled: boolean): uPlot.Series {
  const stroke = colorOf(color);
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    ...(isFilled ? { fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)') } : {}),
  };
}

// An empty chart has a scale, too.
function roomAbove(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.15;
}

/** A line without axes, of one row. */
export class Spark {
  readonly element = make('span', 'spark');
  #chart: uPlot | undefined;

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.element.setAttribute('aria-hidden', 'true');
  }

  show(values: Values): void {
    if (values.length < 2) {
      this.element.hidden = true;
      return;
    }
    this.element.hidden = false;
    const data = [values.map((_, index) => index), values] as unknown as uPlot.AlignedData;
    if (this.#chart === undefined) this.#chart = this.#build(data);
    else this.#chart.setData(data);
  }

  repaint(): void {
    this.#chart?.destroy();
    this.#chart = undefined;
  }

  #build(data: uPlot.AlignedData): uPlot {
    return new uPlot(
      {
        width: this.width,
        height: this.height,
        padding: [2, 0, 2, 0],
        legend: { show: false },
        cursor: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false, range: (_, __, max) => [(max ?? 0) - 59, max ?? 0] },
          y: { range: (_, __, max) => [0, roomAbove(max)] },
        },
        series: [{}, seriesOf('', 'active', true)],
      },
      data,
      this.element,
    );
  }
}
