import { auth } from '../auth.js'
import { button, card, focusOn, h, heading, link } from '../dom.js'
import { type FormControl, renderForm, type Values } from '../form.js'
import { tell } from '../notice.js'
import { act, inPlace, settle } from '../outcome.js'
import { say, sayDate } from '../words.js'
import type { Visit } from '../views.js'

interface Summary {
  id: string
  title: string
  updated_at: string
}

interface DocumentList {
  documents: Summary[]
  next_cursor: string | null
}

const PAGE = '/api/documents?limit=20'

/** The list, and the form that adds to it. */
export async function documents ({ signal }: Visit): Promise<Node> {
  const title = heading(say('yourDocuments'))
  const items = h('ul', { class: 'items' })
  const empty = h('p', { class: 'empty', hidden: true }, say('empty'))
  const more = button(say('more'), () => load(next))
  let next: string | null = null

  const load = (cursor: string | null): Promise<void> =>
    act(() => auth.request<DocumentList>('GET', cursor === null ? PAGE : `${PAGE}&cursor=${encodeURIComponent(cursor)}`, undefined, { signal }), {
      ok: ({ data }) => {
        const rows = data.documents.map(item)
        if (cursor === null) items.replaceChildren(...rows)
        else items.append(...rows)
        next = data.next_cursor
        more.hidden = next === null
        empty.hidden = items.childElementCount > 0
      },
    })

  async function remove (id: string): Promise<void> {
    await act(() => auth.request('DELETE', `/api/documents/${id}`), {
      ok: async () => {
        await load(null)
        tell(say('removed'))
        focusOn(title)
      },
      // Somebody deleted it before, which is what was wanted.
      refused: () => load(null),
    })
  }

  const item = ({ id, title: name, updated_at: changed }: Summary): HTMLElement =>
    h('li', {},
      h('div', {}, h('h2', {}, link(`/documents/${id}`, name)), h('small', {}, say('changedAt', { date: sayDate(changed) }))),
      button(say('remove'), () => remove(id), 'quiet', say('removeThis', { name })))

  async function add ({ title: name = '', content = '' }: Values, form: FormControl): Promise<void> {
    const answer = await inPlace(() => auth.request('POST', '/api/documents', { title: name, content }))
    await settle(answer, {
      ok: async () => {
        form.element.reset()
        await load(null)
        tell(say('added', { name }))
        form.element.querySelector('input')?.focus()
      },
    }, { form, retry: form.again })
  }

  await load(null)
  const form = renderForm({
    fields: [
      { name: 'title', label: say('title') },
      { name: 'content', label: say('content'), type: 'area', isOptional: true },
    ],
    submit: say('add'),
    send: add,
  })
  return h('div', { class: 'desk' },
    card(title, empty, items, more),
    h('section', { class: 'card', 'aria-labelledby': 'new' }, h('h2', { id: 'new' }, say('newDocument')), form))
}
