import { make } from './dom.js';
import { roomAbove, seriesOf, type Values } from './plot.js';
import uPlot from './vendor/uplot.js';

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
