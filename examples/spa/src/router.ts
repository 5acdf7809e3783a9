import { auth, type Person, type Session } from './auth.js'
import { retryButton } from './countdown.js'
import { card, focusOn, h, heading } from './dom.js'
import { drawFrame } from './frame.js'
import { clearNotices, complain, tell } from './notice.js'
import { find, type Page } from './views.js'
import { say } from './words.js'

/** Who was here last: an outage leaves them logged in. */
let person: Person | undefined
/** Ends what an earlier view still waits for. */
let current = new AbortController()
/** Where somebody wanted to go who had to log in first. */
let wanted: string | undefined

export const whoIsHere = (): Person | undefined => person

const here = (): string => location.pathname + location.search

function show (title: string, content: Node, isAccount = false): void {
  document.title = `${title} · ${say('product')}`
  drawFrame(content, { person, path: location.pathname, isAccount })
  // Of a step within the view, if it has one.
  focusOn([...document.querySelectorAll<HTMLElement>('main h1')].at(-1))
}

function showOutage (session: Extract<Session, { state: 'unknown' }>): void {
  const again = retryButton(session.retryAfterSeconds, () => open())
  clearNotices()
  const content = card(heading(say('outageTitle')), h('p', {}, say('outage')), again)
  content.classList.add('outage')
  show(say('outageTitle'), h('div', { class: 'narrow' }, content))
}

/** Where to go instead, because of who is here. */
function detour (page: Page, session: Session): string | undefined {
  const isHalf = session.state === 'out' && session.lacks !== undefined
  if (isHalf) return page.needs === 'any' || page.needs === 'half' ? undefined : '/second-step'
  if (page.needs === 'half') return session.state === 'in' ? '/' : '/login'
  if (page.needs === 'in' && session.state === 'out') {
    wanted = here()
    return '/login'
  }
  return page.needs === 'out' && session.state === 'in' ? '/' : undefined
}

/** Shows the view of the address. @param hasLoggedIn a log-in went well, so somebody should be here */
async function open (message?: string, hasLoggedIn = false): Promise<void> {
  current.abort()
  current = new AbortController()
  const { signal } = current
  document.querySelector('main')?.setAttribute('aria-busy', 'true')
  try {
    const { page, parts } = find(location.pathname)
    const session = await auth.session({ signal })
    if (session.state === 'in') person = session.user
    if (session.state === 'out') person = undefined
    if (session.state === 'unknown') return showOutage(session)
    const instead = detour(page, session)
    if (instead !== undefined) {
      history.replaceState(null, '', instead)
      return await open(message ?? (instead === '/login' ? say('sessionEnded') : undefined))
    }
    const content = await page.show({ signal, person, parts, query: new URLSearchParams(location.search) })
    if (signal.aborted) return
    clearNotices()
    show(page.title(person), content, page.isAccount)
    if (hasLoggedIn && session.state === 'out' && session.lacks === undefined) complain(say('noCookies'))
    else if (message !== undefined) tell(message)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Goes to an address of this app. @param message what the person is told there */
export async function go (path: string, message?: string, hasLoggedIn = false): Promise<void> {
  if (path !== here()) history.pushState(null, '', path)
  await open(message, hasLoggedIn)
}

/** An address for a step of a view, so that a reload comes back to it and the back button leaves it. */
export function markStep (flowId: string, kept: object): void {
  const path = `${location.pathname}?flow=${flowId}`
  if (path !== here()) history.pushState(kept, '', path)
}

/** Goes on after a login: where the person wanted to go, or home. */
export async function goOn (message?: string): Promise<void> {
  const path = wanted ?? '/'
  wanted = undefined
  await go(path, message, true)
}

/** Draws the same view again, with what has changed. */
export const again = (message?: string): Promise<void> => open(message)

function follow (event: MouseEvent): void {
  const anchor = event.target instanceof Element ? event.target.closest('a[href^="/"]') : null
  if (anchor === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  event.preventDefault()
  go(anchor.getAttribute('href') ?? '/')
}

const isTyping = (): boolean =>
  [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')]
    .some(({ value, defaultValue }) => value !== defaultValue)

/** Somebody logged in or out in another tab. What is being typed stays; the next action asks who it is. */
async function lookAgain (): Promise<void> {
  if (document.visibilityState !== 'visible' || isTyping() || document.querySelector('dialog') !== null) return
  const session = await auth.session()
  const id = session.state === 'in' ? session.user.id : undefined
  if (session.state !== 'unknown' && id !== person?.id) await open()
}

export async function start (): Promise<void> {
  document.addEventListener('visibilitychange', lookAgain)
  addEventListener('popstate', () => open())
  document.addEventListener('click', follow)
  await open()
}
