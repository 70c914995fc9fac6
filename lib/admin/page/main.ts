import { follow } from './connection.js';
import { Detail } from './detail.js';
import { byId, setText } from './dom.js';
import { Figures } from './figures.js';
import { Filters } from './filters.js';
import { Grid } from './grid.js';
import { logIn, offerLogout } from './login.js';
import { News } from './news.js';
import { PoolActions } from './pool-actions.js';
import { PoolCharts } from './pool-charts.js';
import { PoolTabs } from './pool-tabs.js';
import { Store } from './store.js';
import { offerThemes } from './theme.js';

const session = await logIn();
offerLogout(session);
byId('page').hidden = false;

const store = new Store();
let isDue = false;
/** Draws at most once a frame. */
const changed = () => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
};

const detail = new Detail(store, session, () => {
  byId('grid').focus();
  changed();
});
const tabs = new PoolTabs(() => {
  detail.close(false);
  changed();
});
const figures = new Figures();
const actions = new PoolActions(session);
const charts = new PoolCharts();
const filters = new Filters(changed);
const grid = new Grid(store, changed, (row) => detail.open(row));
const news = new News();

offerThemes(() => {
  charts.repaint();
  grid.repaint();
  detail.repaint();
  changed();
});
follow(store, changed);

function draw(): void {
  const pool = store.pools[tabs.selected];
  const history = store.poolHistories[tabs.selected];
  if (pool === undefined || history === undefined) return;
  const { host } = store;
  setText(byId('host'), host === undefined ? '' : `host ${host.pid} · Node ${host.node} · ${host.platform}`);
  tabs.show(store.pools);
  figures.show(pool);
  actions.show(pool);
  charts.show(history);
  grid.show(filters.show(store.rowsOf(tabs.selected), store.nowMs));
  news.show(store);
  detail.show();
}
