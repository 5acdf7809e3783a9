import type { KratosClient } from '../../kratos-client/client.js'
import type { Metrics, UpstreamOutcome } from './metrics.js'

/** The client's calls and what they are called in a metric. */
const OPERATIONS = {
  whoami: 'whoami',
  whoamiId: 'whoami_id',
  initFlow: 'init_flow',
  fetchFlow: 'fetch_flow',
  submitFlow: 'submit_flow',
  initLogout: 'init_logout',
  completeLogout: 'complete_logout',
  revokeToken: 'revoke_token',
  listOtherSessions: 'list_sessions',
  revokeSession: 'revoke_session',
  revokeOtherSessions: 'revoke_sessions',
  deleteIdentity: 'delete_identity',
  passThrough: 'pass_through',
} as const satisfies Partial<Record<keyof KratosClient, string>>

type Answers = Awaited<ReturnType<KratosClient[keyof typeof OPERATIONS]>>

function outcomeOf (answer: Answers): UpstreamOutcome {
  switch (answer.kind) {
    case 'unavailable':
      return answer.code
    case 'refused':
    case 'denied':
    case 'none':
      return 'refused'
    case 'stream':
      return answer.status >= 500 ? 'UPSTREAM_ERROR' : answer.status >= 400 ? 'refused' : 'ok'
    default:
      return 'ok'
  }
}

/** Has every call of a client recorded; the client itself knows nothing of it. */
export function observeClient (client: KratosClient, record: Metrics['recordUpstream']): void {
  const calls = client as Record<keyof typeof OPERATIONS, (...args: unknown[]) => Promise<Answers>>
  for (const [name, operation] of Object.entries(OPERATIONS) as Array<[keyof typeof OPERATIONS, string]>) {
    const call = calls[name]
    calls[name] = async (...args) => {
      const start = performance.now()
      const answer = await call(...args)
      record(operation, outcomeOf(answer), performance.now() - start)
      return answer
    }
  }
}
