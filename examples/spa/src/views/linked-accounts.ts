import { auth } from '../auth.js'
import { button, card, h, heading } from '../dom.js'
import { act } from '../outcome.js'
import { again } from '../router.js'
import { say } from '../words.js'
import { settingsPage } from './settings-form.js'

const unlink = (id: string): Promise<void> => act(() => auth.unlink(id), { done: () => again(say('unlinked')) })
const add = (id: string): Promise<void> => act(() => auth.link(id), {})

const row = (name: string, action: HTMLElement): HTMLElement =>
  h('li', {}, h('h2', {}, name), action)

export const linkedAccounts = settingsPage('linked', ({ offers: { providers, linked } }) => {
  const rows = [
    ...linked.map(({ id, label }) => row(label, button(say('unlinkThis', { name: label }), () => unlink(id)))),
    ...providers.map(({ id, label }) => row(label, button(say('linkThis', { name: label }), () => add(id)))),
  ]
  return card(heading(say('linked')), h('p', {}, say('linkedText')),
    rows.length === 0 ? h('p', { class: 'empty' }, say('noProviders')) : h('ul', { class: 'items' }, ...rows))
})
