import type { KratosClient } from './client.js'
import type { UpstreamFailure } from './upstream-failure.js'

export type CallOutcome = 'ok' | 'refused' | UpstreamFailure['code']

/** @param operation of the client, in snake case @param ms waiting included */
export type CallObserver = (operation: string, outcome: CallOutcome, ms: number) => void

type Result = Awaited<ReturnType<KratosClient['whoami' | 'whoamiId' | 'submitFlow' | 'passThrough']>>

function outcomeOf (result: Result): CallOutcome {
  switch (result.kind) {
    case 'unavailable':
      return result.code
    case 'refused':
    case 'denied':
    case 'none':
      return 'refused'
    case 'stream':
      return result.status >= 500 ? 'UPSTREAM_ERROR' : result.status >= 400 ? 'refused' : 'ok'
    default:
      return 'ok'
  }
}

export function observedClient (client: KratosClient, onCall: CallObserver): KratosClient {
  function observed<Args extends unknown[], T extends Result> (
    operation: string,
    call: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      const start = performance.now()
      const result = await call(...args)
      onCall(operation, outcomeOf(result), performance.now() - start)
      return result
    }
  }

  return {
    ...client,
    whoami: observed('whoami', client.whoami),
    whoamiId: observed('whoami_id', client.whoamiId),
    whoamiBeforeLogout: observed('whoami_before_logout', client.whoamiBeforeLogout),
    whoamiAfterLogout: observed('whoami_after_logout', client.whoamiAfterLogout),
    initFlow: observed('init_flow', client.initFlow),
    fetchFlow: observed('fetch_flow', client.fetchFlow),
    submitFlow: observed('submit_flow', client.submitFlow),
    exchangeToken: observed('exchange_token', client.exchangeToken),
    initLogout: observed('init_logout', client.initLogout),
    completeLogout: observed('complete_logout', client.completeLogout),
    revokeToken: observed('revoke_token', client.revokeToken),
    listOtherSessions: observed('list_sessions', client.listOtherSessions),
    revokeSession: observed('revoke_session', client.revokeSession),
    revokeOtherSessions: observed('revoke_sessions', client.revokeOtherSessions),
    deleteIdentity: observed('delete_identity', client.deleteIdentity),
    passThrough: observed('pass_through', client.passThrough),
  }
}
