import { ACCOUNT } from './words/account.js'
import { COMMON } from './words/common.js'
import { MESSAGES } from './words/messages.js'

const WORDS = { ...COMMON, ...ACCOUNT }
export type Word = keyof typeof WORDS

export const LANGUAGES = { en: 'English', de: 'Deutsch' }
export type Language = keyof typeof LANGUAGES

const KEPT = 'fernleaf-language'

const chosen = (): string => localStorage.getItem(KEPT) ?? navigator.language
let language: Language = chosen().startsWith('de') ? 'de' : 'en'
document.documentElement.lang = language

export const currentLanguage = (): Language => language

export function speak (wanted: Language): void {
  language = wanted
  localStorage.setItem(KEPT, wanted)
  document.documentElement.lang = wanted
}

/** A text in the person's language; `{name}` stands for a value. */
export function say (word: Word, values: Record<string, string | number> = {}): string {
  const [english, german] = WORDS[word]
  return (language === 'de' ? german : english).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

export const sayDate = (date: string | null | undefined): string =>
  date ? new Date(date).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' }) : ''

/** A complaint in the person's language: by its code, else in the words it came with. */
export function sayError ({ code, text, context }: { code: string, text: string, context: object }): string {
  const known = MESSAGES[code]
  return known === undefined ? text : known[language === 'de' ? 1 : 0](context as Record<string, unknown>)
}
