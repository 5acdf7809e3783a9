import { type Child, h, heading } from '../dom.js'

/** A page for somebody who is not logged in: the form on a card, and the face of the product beside it. */
export const visitorPage = (title: string, text: string | undefined, ...children: Child[]): HTMLElement =>
  h('div', { class: 'door' },
    h('section', { class: 'card' }, heading(title), text !== undefined && h('p', { class: 'lead' }, text), ...children),
    h('div', { class: 'picture', 'aria-hidden': 'true' }))
