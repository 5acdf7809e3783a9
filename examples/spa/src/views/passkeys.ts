import type { KeyEntry } from 'fastify-kratos/client'
import { auth } from '../auth.js'
import { button, card, h, heading } from '../dom.js'
import { act } from '../outcome.js'
import { again } from '../router.js'
import { say, sayDate } from '../words.js'
import { settingsPage } from './settings-form.js'

const add = (): Promise<void> => act(() => auth.addPasskey(), { done: () => again(say('passkeyAdded')) })

function item ({ id, addedAt, isLast }: KeyEntry): HTMLElement {
  const name = say('passkeyOf', { date: sayDate(addedAt) })
  const remove = (): Promise<void> =>
    act(() => auth.removePasskey(id), { done: () => again(say('passkeyRemoved')) })
  return h('li', {}, h('div', {}, h('h2', {}, name), isLast && h('small', {}, say('onlyWay'))),
    !isLast && button(say('take'), remove, 'quiet', say('takeThis', { name })))
}

export const passkeys = settingsPage('passkeys', ({ offers }) => {
  const list = offers.passkeys.length === 0
    ? h('p', { class: 'empty' }, say('noPasskeys'))
    : h('ul', { class: 'items' }, ...offers.passkeys.map(item))
  return card(heading(say('passkeys')), h('p', {}, say('passkeysText')), list, button(say('addPasskey'), add, 'main'))
})
