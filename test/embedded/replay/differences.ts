/** A reviewed difference between the recorded and the embedded server that is accepted. */
export interface AcceptedDifference {
  /** number of the recording */
  scenario: string
  step: string
  /** prefixes of the places that may differ, e.g. `body.version` */
  at: string[]
  reason: string
}

export const acceptedDifferences: AcceptedDifference[] = [
  {
    scenario: '82',
    step: 'admin /version',
    at: ['body.version'],
    reason: 'the embedded server says in its version that it is one',
  },
  {
    scenario: '82',
    step: 'admin /admin/version',
    at: ['body.version'],
    reason: 'the embedded server says in its version that it is one',
  },
]
