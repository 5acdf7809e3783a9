import type { FormError } from './types.js'

const complaint = (field: string | null, code: string, text: string): FormError =>
  ({ field, code, id: 0, text, context: {} })

/** As the service says it of a step. */
export const NOT_OFFERED = complaint(null, 'method_not_offered', 'This is not possible here; please choose another way')

/** A code belongs to the flow that sent it, and means nothing in another one. */
export const CODE_EXPIRED = complaint('code', 'code_expired', 'This code does not count any more; please ask for a new one')
