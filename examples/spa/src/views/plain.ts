import { card, h, heading, link } from '../dom.js'
import type { Page } from '../views.js'
import { say, type Word } from '../words.js'

const plain = (title: Word, text: Word): Page => ({
  title: () => say(title),
  needs: 'any',
  show: () =>
    h('div', { class: 'narrow' },
      card(heading(say(title)), h('p', {}, say(text)), h('p', {}, link('/', say('toStart'), 'button main')))),
})

export const notFound = plain('notFoundTitle', 'notFound')
export const trouble = plain('errorTitle', 'errorText')
