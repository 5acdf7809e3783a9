import type { Form, SecondFactor } from './types.js'

type Json = Record<string, unknown>
/** Of a step; a function where it depends on what the form has. */
export type Body = Json | ((form: Form) => Json)

const hasField = ({ nodes }: Form, name: string): boolean => nodes.some(({ attributes }) => attributes['name'] === name)

/** A code or a link, as the product has it, to an address that was typed or chosen. */
export const toAddress = (address: string) => (form: Form): Json => {
  const { nodes, offers: { code, link, addresses } } = form
  const typed = nodes.find(({ attributes }) => attributes['name'] === 'recovery_address')?.attributes['value']
  const isChosen = addresses.some(({ id }) => id === address)
  const field = ['recovery_confirm_address', 'recovery_address'].find((name) => hasField(form, name)) ?? 'email'
  const place = isChosen ? { recovery_select_address: address, recovery_address: typed } : { [field]: address }
  return { method: link && !code ? 'link' : 'code', ...place }
}

/** In a flow that has sent one already, that is another code. */
export const sendCode = (form: Form): Json =>
  ({ method: 'code', ...(hasField(form, 'resend') && { resend: 'code' }) })

export function secondFactorBody (proof: SecondFactor): Body {
  if ('totp' in proof) return { method: 'totp', totp_code: proof.totp }
  if ('backupCode' in proof) return { method: 'lookup_secret', lookup_secret: proof.backupCode }
  if ('code' in proof) return { method: 'code', code: proof.code }
  return (form) => ({ ...sendCode(form), [hasField(form, 'address') ? 'address' : 'identifier']: proof.codeTo })
}
