import { button, h } from '../dom.js'
import { renderForm } from '../form.js'
import { logOut } from '../log-out.js'
import { settle } from '../outcome.js'
import { goOn } from '../router.js'
import { secondFactorForm } from '../step-up.js'
import { say } from '../words.js'
import type { Page } from '../views.js'
import { visitorPage } from './visitor.js'

function draw (place: HTMLElement, isBackup: boolean): void {
  const form = secondFactorForm((outcome, form) =>
    settle(outcome, { done: () => goOn(say('welcomeBack')) }, { form, retry: form.again }), isBackup)
  const other = button(say(isBackup ? 'useApp' : 'useBackupCode'), () => {
    draw(place, !isBackup)
    place.querySelector('input')?.focus()
  }, 'plain')
  const somebody = button(say('otherPerson'), logOut, 'plain')
  place.replaceChildren(renderForm(form), h('p', { class: 'actions' }, other, somebody))
}

/** The second half of a login. */
export const secondStep: Page = {
  title: () => say('secondStep'),
  needs: 'half',
  show: () => {
    const place = h('div', {})
    draw(place, false)
    return visitorPage(say('secondStep'), say('secondStepText'), place)
  },
}
