import { h, heading, link } from '../dom.js'
import { say, type Word } from '../words.js'

const PROMISES: Array<[title: Word, text: Word]> = [
  ['promiseOne', 'promiseOneText'],
  ['promiseTwo', 'promiseTwoText'],
  ['promiseThree', 'promiseThreeText'],
]

/** What somebody sees who has not logged in. */
export const landing = (): Node =>
  h('div', { class: 'landing' },
    h('div', { class: 'hero' },
      h('p', { class: 'slogan' }, say('slogan')),
      heading(say('heroTitle')),
      h('p', { class: 'lead' }, say('heroText')),
      h('p', { class: 'actions' }, link('/registration', say('signUp'), 'button main'), link('/login', say('logIn'), 'button quiet'))),
    h('ul', { class: 'promises' },
      ...PROMISES.map(([title, text]) => h('li', {}, h('h2', {}, say(title)), h('p', {}, say(text))))))
