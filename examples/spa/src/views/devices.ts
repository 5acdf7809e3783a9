import type { Device } from 'fastify-kratos/client'
import { auth } from '../auth.js'
import { retryButton } from '../countdown.js'
import { button, card, h, heading } from '../dom.js'
import { logOut } from '../log-out.js'
import { tellOutage } from '../notice.js'
import { act } from '../outcome.js'
import { again } from '../router.js'
import { say, sayDate } from '../words.js'
import type { Page } from '../views.js'

/** The first name that fits wins: a browser names its ancestors too. */
const BROWSERS: Array<[RegExp, string]> = [
  [/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari'],
]
const SYSTEMS: Array<[RegExp, string]> = [
  [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux'],
]

function nameOf (agent: string | null): string {
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => names.find(([pattern]) => pattern.test(agent ?? ''))?.[1])
  return browser === undefined || system === undefined ? say('unknownDevice') : say('browserOn', { browser, system })
}

async function logOutDevice (id: string): Promise<void> {
  if (await auth.logOutDevice(id)) await again(say('deviceOut'))
  else tellOutage({}, () => logOutDevice(id))
}

const logOutOthers = (): Promise<void> =>
  act(() => auth.logOutOthers(), { ok: () => again(say('othersOut')) })

function item ({ id, current, authenticated_at: since, user_agent: agent, ip_address: address }: Device): HTMLElement {
  const name = nameOf(agent)
  const details = [say('deviceSince', { date: sayDate(since) }), address].filter(Boolean).join(' · ')
  return h('li', {},
    h('div', {}, h('h2', {}, name, current && h('span', { class: 'badge' }, say('thisDevice'))), h('small', {}, details)),
    current
      ? button(say('logOut'), logOut, 'quiet', say('logOutThis', { name: say('thisDevice') }))
      : button(say('logOut'), () => logOutDevice(id), 'quiet', say('logOutThis', { name })))
}

export const devices: Page = {
  title: () => say('devices'),
  needs: 'in',
  isAccount: true,
  show: async ({ signal }) => {
    const found = await auth.devices({ signal })
    const title = heading(say('devices'))
    if (found === undefined) return card(title, h('p', {}, say('outage')), retryButton(undefined, () => again()))
    return card(title, h('p', {}, say('devicesText')), h('ul', { class: 'items' }, ...found.map(item)),
      found.length > 1 && button(say('logOutOthers'), logOutOthers, 'danger'))
  },
}
