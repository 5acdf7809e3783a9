import { isRecord } from '../kratos-client/kratos-body.js'
import { DEFAULT_TRAITS, isTraitPointer, segmentsOf, type TraitPointers } from '../kratos-client/traits.js'
import type { ProbeFacts } from './facts.js'
import { type Checks, note, warning } from './finding.js'
import { mayBeText, placesAt, textTraits } from './schema-places.js'
import { textAt } from './kratos-config.js'

type TraitName = keyof TraitPointers
type TextTrait = ReturnType<typeof textTraits>[number]

const WORDS: Record<TraitName, string> = {
  email: 'e-mail address',
  firstName: 'first name',
  lastName: 'last name',
  username: 'username',
}
/** Pointers that a finding lists where it cannot tell which one was meant. */
const MAX_LISTED = 8

const isNamed = (names: RegExp) => ({ pointer }: TextTrait): boolean =>
  names.test((segmentsOf(pointer).at(-1) ?? '').replaceAll(/[^a-z]/gi, ''))
const isEmail = ({ schema }: TextTrait): boolean =>
  schema['format'] === 'email' ||
  ['verification.via', 'recovery.via'].some((path) => textAt(schema['ory.sh/kratos'], path) === 'email')

/** How a trait is known that has another name than ours, the surest first. */
const LOOKS_LIKE: Record<TraitName, Array<(trait: TextTrait) => boolean>> = {
  email: [isEmail, isNamed(/^e?mail(?:address)?$/i)],
  firstName: [isNamed(/^(?:first|firstname|given|givenname|forename)$/i)],
  lastName: [isNamed(/^(?:last|lastname|family|familyname|surname)$/i)],
  username: [(trait) => !isEmail(trait) && isNamed(/^(?:username|login|loginname|handle)$/i)(trait)],
}

function likely (name: TraitName, traits: TextTrait[]): string | undefined {
  const usable = traits.filter(({ pointer }) => isTraitPointer(pointer))
  return LOOKS_LIKE[name].map((looksLike) => usable.find(looksLike)?.pointer).find((pointer) => pointer !== undefined)
}

/** Where the identity schemas that Kratos serves have what our API calls by these names. */
export const TRAIT_CHECKS: Checks<ProbeFacts> = {
  'trait-pointers': ({ settings: { traits: pointers, nameOf }, kratos: { schemas = [] } }) => {
    if (pointers === undefined || schemas.length === 0) return []
    const traits = schemas.flatMap(textTraits)
    const others = [...new Set(traits.map(({ pointer }) => pointer))].slice(0, MAX_LISTED)
    return (Object.keys(WORDS) as TraitName[]).flatMap((name) => {
      const [pointer, setting] = [pointers[name], nameOf(`traits.${name}`)]
      const places = schemas.flatMap((schema) => placesAt(schema, pointer))
      if (places.length > 0 && mayBeText(places)) return []
      const isDefault = pointer === DEFAULT_TRAITS[name]
      const better = likely(name, traits)
      // Not every product has each of the four; a default that nothing looks like is no mistake.
      if (isDefault && better === undefined && places.length === 0) return []
      const wrong = places.length > 0
        ? 'which is no text in the identity schemas of Kratos'
        : 'and no identity schema of Kratos has that trait'
      const worded = isDefault && name !== 'email' ? note : warning
      return [worded(
        `${setting} is ${pointer}${isDefault ? ', its default' : ''}, ${wrong}: the API knows nobody's ${WORDS[name]}`,
        better !== undefined
          ? `set ${setting} to ${better}`
          : `take ${setting} out, or set it to a trait that is there: ${others.join(', ')}`,
      )]
    })
  },
}

/** Documents of an answer of `GET /schemas`. */
export const schemasOf = (body: unknown): unknown[] =>
  Array.isArray(body) ? body.map((entry) => isRecord(entry) ? entry['schema'] : undefined).filter(isRecord) : []
