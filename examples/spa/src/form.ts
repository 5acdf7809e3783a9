import type { FormError } from 'fastify-kratos/client'
import { type Child, h } from './dom.js'
import { clearNotices } from './notice.js'
import { say, sayError, type Word } from './words.js'

export interface Field {
  name: string
  label: string
  type?: 'text' | 'email' | 'password' | 'area'
  autocomplete?: AutoFill
  hint?: string
  value?: string | undefined
  isOptional?: boolean
  isCode?: boolean
  /** Stands beside the label, such as "Forgot password?". */
  aside?: Child
}

export type Values = Record<string, string>
type Send = (values: Values, form: FormControl) => Promise<unknown>

/** Another way to finish the form, with fewer of its fields. */
export interface Alternative {
  label: string
  needs: string[]
  send: Send
}

export interface FormSpec {
  fields: Field[]
  submit: string
  className?: string
  send: Send
  alternatives?: Alternative[]
}

export interface FormControl {
  element: HTMLFormElement
  showErrors: (errors: FormError[], otherwise?: Word) => void
  /** Sends the same once more. */
  again: () => Promise<void>
}

let count = 0

function control (field: Field, id: string): HTMLInputElement | HTMLTextAreaElement {
  const { name, type = 'text', autocomplete = 'off', value = '' } = field
  const shared = { id, name, autocomplete, 'aria-required': field.isOptional === true ? undefined : 'true' }
  if (type === 'area') return Object.assign(h('textarea', { ...shared, rows: '6' }), { defaultValue: value })
  const code = field.isCode === true ? { class: 'code', inputmode: 'numeric', spellcheck: 'false' } : {}
  return Object.assign(h('input', { ...shared, type, ...code }), { defaultValue: value })
}

/** With a button that shows what was typed. */
function secret (input: HTMLElement): HTMLElement {
  const toggle = h('button', {
    type: 'button',
    class: 'plain',
    'aria-controls': input.id,
    click: () => {
      const isShown = input.getAttribute('type') === 'text'
      input.setAttribute('type', isShown ? 'password' : 'text')
      toggle.textContent = say(isShown ? 'show' : 'hide')
    },
  }, say('show'))
  return h('div', { class: 'secret' }, input, toggle)
}

function row (field: Field): HTMLElement {
  const id = `field-${++count}`
  const input = control(field, id)
  const hint = field.hint === undefined ? undefined : h('p', { class: 'hint', id: `${id}-hint` }, field.hint)
  if (hint !== undefined) input.setAttribute('aria-describedby', hint.id)
  const label = h('label', { for: id }, field.label, field.isOptional === true && h('small', {}, say('optional')))
  const place = field.type === 'password' ? secret(input) : input
  return h('div', { class: 'field' }, h('div', { class: 'label' }, label, field.aside), place, hint)
}

const inputs = (form: HTMLFormElement): Array<HTMLInputElement | HTMLTextAreaElement> =>
  [...form.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')]

function clearErrors (form: HTMLFormElement): void {
  for (const note of form.querySelectorAll('.field-error')) note.remove()
  form.querySelector('.form-error')?.replaceChildren()
  for (const input of inputs(form)) {
    input.removeAttribute('aria-invalid')
    const hint = `${input.id}-hint`
    if (form.querySelector(`#${hint}`) === null) input.removeAttribute('aria-describedby')
    else input.setAttribute('aria-describedby', hint)
  }
}

function mark (input: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  const note = h('p', { class: 'field-error', id: `${input.id}-error` }, text)
  const place = input.closest('.secret') ?? input
  place.after(note)
  input.setAttribute('aria-invalid', 'true')
  input.setAttribute('aria-describedby', `${note.id} ${input.id}-hint`)
}

/** The field a complaint is about: by the last part of its name, and a form with one field has only that. */
function inputOf (form: HTMLFormElement, field: string | null): HTMLInputElement | HTMLTextAreaElement | undefined {
  const all = inputs(form)
  return all.find(({ name }) => field !== null && name === field.split('.').at(-1)) ??
    (all.length === 1 ? all[0] : undefined)
}

/** Puts each complaint at its field, the rest above the form, and the focus where something has to be mended. */
function showErrors (form: HTMLFormElement, errors: FormError[], otherwise: Word = 'refused'): void {
  const above: string[] = []
  for (const error of errors) {
    const input = inputOf(form, error.field)
    if (input === undefined) above.push(sayError(error))
    else if (input.getAttribute('aria-invalid') !== 'true') mark(input, sayError(error))
  }
  const first = form.querySelector<HTMLElement>('[aria-invalid=true]')
  if (above.length === 0 && first === null) above.push(say(otherwise))
  form.querySelector('.form-error')?.replaceChildren(above.join(' '))
  const main = first ?? form.querySelector<HTMLElement>('.secret input') ?? inputs(form)[0]
  main?.focus()
}

const REQUIRED = { id: 0, code: 'required', text: '', context: {} }

function valuesOf (form: HTMLFormElement): Values {
  return Object.fromEntries(inputs(form).map((input) => {
    const { name, value } = input
    return [name, input.closest('.secret') === null ? value.trim() : value]
  }))
}

/** The one renderer of forms: fields, errors, busy and focus are the same everywhere. */
export function renderForm ({ fields, submit, className, send, alternatives = [] }: FormSpec): HTMLFormElement {
  const main = h('button', { type: 'submit', class: className ?? 'main' }, submit)
  const element = h('form', { novalidate: true }, h('p', { class: 'form-error', role: 'alert' }), ...fields.map(row), main)
  let last = (): Promise<void> => run(send, requiredNames, main)
  const requiredNames = fields.filter(({ isOptional }) => isOptional !== true).map(({ name }) => name)
  const form: FormControl = {
    element,
    showErrors: (errors, otherwise) => showErrors(element, errors, otherwise),
    again: () => last(),
  }

  async function run (sender: Send, needs: string[], pressed: HTMLButtonElement): Promise<void> {
    if (element.ariaBusy === 'true') return
    last = () => run(sender, needs, pressed)
    clearErrors(element)
    clearNotices()
    const values = valuesOf(element)
    const missing = needs.filter((name) => values[name] === '')
    if (missing.length > 0) return showErrors(element, missing.map((field) => ({ ...REQUIRED, field })))
    element.ariaBusy = pressed.ariaBusy = 'true'
    try {
      await sender(values, form)
    } finally {
      element.ariaBusy = pressed.ariaBusy = 'false'
    }
  }

  element.addEventListener('submit', (event) => {
    event.preventDefault()
    run(send, requiredNames, main)
  })
  if (alternatives.length > 0) element.append(h('p', { class: 'or' }, say('or')))
  for (const { label, needs, send: other } of alternatives) {
    const choice = h('button', { type: 'button', class: 'quiet wide', click: () => run(other, needs, choice) }, label)
    element.append(choice)
  }
  return element
}

export const codeField = (label: string): Field => ({ name: 'code', label, autocomplete: 'one-time-code', isCode: true })
