import type { Form, Outcome } from 'fastify-kratos/client'
import { auth } from '../auth.js'
import { button, card, focusOn, h, heading } from '../dom.js'
import { tell } from '../notice.js'
import { act } from '../outcome.js'
import { again } from '../router.js'
import { say } from '../words.js'
import { settingsPage } from './settings-form.js'

/** A used code is a sentence of the service, such as when it was used. */
const shown = (code: string): string => /\s/.test(code) ? say('usedCode') : code

export const backupCodes = settingsPage('backupCodes', ({ flowId, offers }) => {
  const place = h('div', {})

  function showCodes ({ offers: { backupCodes: { codes } }, flowId }: Form, isNew: boolean): void {
    const list = h('ul', { class: 'codes', tabindex: '-1', 'aria-label': say('backupCodes') }, ...codes.map((code) => h('li', {}, h('code', {}, shown(code)))))
    const copy = button(say('copy'), async () => {
      await navigator.clipboard.writeText(codes.join('\n'))
      tell(say('copied'))
    })
    const confirm = button(say('haveSaved'), () =>
      act(() => auth.confirmBackupCodes({ flowId }), { done: () => again(say('backupSaved')) }), 'main')
    place.replaceChildren(list, h('p', { class: 'actions' }, isNew && confirm, copy))
    focusOn(list)
  }

  const ask = (intent: () => Promise<Outcome>, isNew: boolean): Promise<void> =>
    act(intent, { form: ({ form }) => showCodes(form, isNew) })

  const turnOff = (): Promise<void> =>
    act(() => auth.disableBackupCodes({ flowId }), { done: () => again(say('backupOff')) })

  if (offers.backupCodes.isOn) {
    place.append(h('p', { class: 'strip good' }, say('backupOn')), h('p', { class: 'actions' },
      button(say('showCodes'), () => ask(() => auth.showBackupCodes({ flowId }), false)),
      button(say('turnOff'), turnOff, 'danger')))
  } else place.append(button(say('makeCodes'), () => ask(() => auth.newBackupCodes({ flowId }), true), 'main'))
  return card(heading(say('backupCodes')), h('p', {}, say('backupText')), place)
})
