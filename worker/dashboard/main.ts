/** The page: a token, then the fleet now, asked for again every half minute while somebody looks, a large one every two. */
import { ApiError, apiWith, type Get } from './api.ts';
import { element } from './dom.ts';
import { formatClock } from './format.ts';
import { FIRST_VIEW, loadOverview, type Overview, type View } from './load.ts';
import { loadLeaders, loadNodeList } from './load-nodes.ts';
import { nodeFilter } from './nodes-card.ts';
import { type Controls, overview } from './overview.ts';
import { forgetToken, keepToken, readToken } from './session.ts';
import { signIn } from './sign-in.ts';

const REFRESH_MS = 30_000;
/** Hours of a large fleet are summed every ten minutes, and its nodes cost a request each. */
const LARGE_REFRESH_MS = 120_000;

const main = byId('main');
const notice = byId('notice');
const updated = byId('updated');
const signOut = byId('sign-out');

/** Grows with every change of token, so that an answer to an older one is dropped. */
let session = 0;
/** Grows with every question, so that an answer to an older one is dropped. */
let question = 0;
let view: View = FIRST_VIEW;
let shown: Overview | null = null;
let refreshMs = REFRESH_MS;
let controls: Controls;

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element #${id}`);
  return found;
}

function askForToken(why: string): void {
  session++;
  forgetToken();
  signOut.hidden = true;
  updated.textContent = '';
  notice.textContent = why;
  main.replaceChildren(
    signIn((token) => {
      keepToken(token);
      open(token);
    }),
  );
  document.getElementById('token')?.focus();
}

function open(token: string): void {
  session++;
  signOut.hidden = false;
  notice.textContent = '';
  view = FIRST_VIEW;
  shown = null;
  controls = controlsOf(token);
  main.replaceChildren(element('p', { class: 'empty' }, 'Asking for the figures…'));
  void refresh(token, session);
}

/** What the reader turns to is asked for alone; the rest stands until it is renewed. */
function controlsOf(token: string): Controls {
  const look = (next: Partial<View>, load: (get: Get, data: Overview) => Promise<Partial<Overview>>) => {
    view = { ...view, ...next };
    const data = shown;
    if (data !== null) void show(token, session, async (get) => ({ ...data, ...(await load(get, data)) }));
  };
  const turnTo: Controls['turnTo'] = (place) =>
    look({ place }, async (get) => ({ nodes: await loadNodeList(get, place, Date.now()) }));
  const showLeaders: Controls['showLeaders'] = (leaders) =>
    look({ leaders }, async (get, { startMs, nowMs }) => ({
      leaders: await loadLeaders(get, startMs, nowMs, leaders),
    }));
  return { filterForm: nodeFilter(turnTo), turnTo, showLeaders };
}

async function refresh(token: string, forSession: number): Promise<void> {
  if (document.visibilityState === 'visible') await show(token, forSession);
  if (forSession === session) setTimeout(() => void refresh(token, forSession), refreshMs);
}

async function show(
  token: string,
  forSession: number,
  load = (get: Get) => loadOverview(get, Date.now(), view, shown),
): Promise<void> {
  const mine = ++question;
  const isStale = () => forSession !== session || mine !== question;
  try {
    const data = await load(apiWith(token));
    if (isStale()) return;
    refreshMs = data.leaders === null ? REFRESH_MS : LARGE_REFRESH_MS;
    notice.textContent = '';
    updated.textContent = `as of ${formatClock(data.nowMs)}`;
    shown = data;
    replaceMain(() => overview(data, controls));
  } catch (error) {
    if (isStale()) return;
    if (error instanceof ApiError && error.isRefusal) askForToken(error.message);
    else showTrouble(error);
  }
}

/** What was shown stays, under its own time: old figures are better than none, if they say that they are old. */
function showTrouble(error: unknown): void {
  notice.textContent = `The figures could not be renewed: ${error instanceof Error ? error.message : error} Trying again in ${refreshMs / 1_000} s.`;
}

/** Puts new content in place, which takes the filter out of the old, and keeps what the reader had unfolded and focused. */
function replaceMain(content: () => readonly HTMLElement[]): void {
  const unfolded = new Set([...main.querySelectorAll('details[open]')].map((details) => details.id));
  const focused = document.activeElement;
  const focus = focused?.id ? `#${CSS.escape(focused.id)}` : summaryOf(focused?.closest('details')?.id);
  main.replaceChildren(...content());
  for (const details of main.querySelectorAll('details')) details.open = unfolded.has(details.id);
  if (focus !== null) main.querySelector<HTMLElement>(focus)?.focus();
}

const summaryOf = (id: string | undefined) => (id === undefined ? null : `#${CSS.escape(id)} > summary`);

signOut.addEventListener('click', () => askForToken(''));
document.addEventListener('visibilitychange', () => {
  const token = readToken();
  if (document.visibilityState === 'visible' && token !== null) void show(token, session);
});

const token = readToken();
if (token === null) askForToken('');
else open(token);
