import { auth } from '../auth.js'
import { card, h, heading, link } from '../dom.js'
import { renderForm } from '../form.js'
import { inPlace, settle } from '../outcome.js'
import { again, go } from '../router.js'
import { say, sayDate } from '../words.js'
import type { Page } from '../views.js'

interface FullDocument {
  title: string
  content: string
  updated_at: string
}

export const documentPage: Page = {
  title: () => say('documents'),
  needs: 'in',
  show: async ({ parts: [id = ''], signal }) => {
    const path = `/api/documents/${id}`
    const answer = await auth.request<FullDocument>('GET', path, undefined, { signal })
    const back = h('p', {}, link('/', say('yourDocuments')))
    if (answer.kind !== 'ok') {
      return card(heading(say('documents')), h('p', {}, say(answer.kind === 'refused' ? 'documentGone' : 'outage')), back)
    }
    const { title, content, updated_at: changed } = answer.data
    const form = renderForm({
      fields: [
        { name: 'title', label: say('title'), value: title },
        { name: 'content', label: say('content'), type: 'area', value: content, isOptional: true },
      ],
      submit: say('save'),
      send: async (values, form) => {
        const saved = await inPlace(() => auth.request('PATCH', path, values))
        await settle(saved, {
          ok: () => again(say('saved')),
          refused: ({ errors }) => errors.length > 0 ? form.showErrors(errors) : go('/', say('documentGone')),
        }, { form, retry: form.again })
      },
    })
    return card(back, heading(title), h('p', {}, h('small', {}, say('changedAt', { date: sayDate(changed) }))), form)
  },
}
