import type { Form } from 'fastify-kratos/client'
import { auth } from '../auth.js'
import { retryButton } from '../countdown.js'
import { card, h, heading } from '../dom.js'
import { again } from '../router.js'
import { stepUp } from '../step-up.js'
import { say, type Word } from '../words.js'
import type { Page, Visit } from '../views.js'

/** A page of the account area that shows what the settings say. */
export const settingsPage = (title: Word, content: (form: Form, visit: Visit) => Node): Page => ({
  title: () => say(title),
  needs: 'in',
  isAccount: true,
  show: async (visit) => {
    const outcome = await auth.form('settings', { signal: visit.signal })
    if (outcome.kind === 'form') return content(outcome.form, visit)
    if (outcome.kind === 'second_factor' || outcome.kind === 'log_in_again') {
      const { kind } = outcome
      const go = h('button', {
        type: 'button',
        class: 'main',
        click: async () => {
          if (await stepUp(kind)) await again()
        },
      }, say('goOn'))
      return card(heading(say(title)), h('p', {}, say(kind === 'second_factor' ? 'secondStep' : 'againTitle')), go)
    }
    const seconds = outcome.kind === 'unavailable' ? outcome.retryAfterSeconds : undefined
    return card(heading(say(title)), h('p', {}, say('outage')), retryButton(seconds, () => again()))
  },
})
