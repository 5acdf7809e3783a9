import { nameOf, type Person } from './auth.js'
import { type Child, button, h, link } from './dom.js'
import { logOut } from './log-out.js'
import { noticeBar } from './notice.js'
import { again } from './router.js'
import { currentLanguage, type Language, LANGUAGES, say, speak, type Word } from './words.js'

const ACCOUNT_PAGES: Array<[path: string, label: Word]> = [
  ['/settings', 'profile'],
  ['/settings/password', 'password'],
  ['/settings/authenticator', 'twoStep'],
  ['/settings/backup-codes', 'backupCodes'],
  ['/settings/passkeys', 'passkeys'],
  ['/settings/linked', 'linked'],
  ['/settings/devices', 'devices'],
  ['/settings/delete', 'deletion'],
]

interface Place {
  person: Person | undefined
  path: string
  isAccount: boolean
}

const entry = (href: string, text: string, isHere: boolean): HTMLElement => {
  const anchor = link(href, text)
  if (isHere) anchor.setAttribute('aria-current', 'page')
  return anchor
}

function languageMenu (): HTMLElement {
  const choices = Object.entries(LANGUAGES).map(([id, name]) => {
    const choice = button(name, async () => {
      speak(id as Language)
      await again()
      document.querySelector<HTMLElement>(`footer [lang=${id}]`)?.focus()
    }, 'plain')
    choice.lang = id
    choice.ariaPressed = String(id === currentLanguage())
    return choice
  })
  return h('div', { role: 'group', 'aria-label': say('language') }, ...choices)
}

function header ({ person, path }: Place): HTMLElement {
  const brand = h('a', { class: 'brand', href: '/' }, h('img', { src: '/icon.svg', alt: '', width: '32', height: '32' }), say('product'))
  const links: Child[] = person === undefined
    ? [entry('/login', say('logIn'), path === '/login'), entry('/registration', say('signUp'), path === '/registration')]
    : [
        entry('/', say('documents'), path === '/' || path.startsWith('/documents')),
        entry('/settings', say('account'), path.startsWith('/settings')),
        h('span', { class: 'who' }, nameOf(person)),
        button(say('logOut'), logOut),
      ]
  return h('header', {}, brand, h('nav', { 'aria-label': say('mainMenu') }, ...links))
}

const accountMenu = (path: string): HTMLElement =>
  h('nav', { class: 'account-menu', 'aria-label': say('accountMenu') },
    ...ACCOUNT_PAGES.map(([href, label]) => entry(href, say(label), href === path)))

/** Header, menu, notices, content, footer. */
export function drawFrame (content: Node, place: Place): void {
  const main = h('main', { id: 'main', tabindex: '-1' }, noticeBar, content)
  const body = place.isAccount && place.person !== undefined
    ? h('div', { class: 'columns' }, accountMenu(place.path), main)
    : h('div', { class: 'single' }, main)
  const skip = h('a', { class: 'skip', href: '#main' }, say('skip'))
  const footer = h('footer', {}, h('p', {}, say('footer')), languageMenu())
  document.body.replaceChildren(skip, header(place), body, footer)
}
