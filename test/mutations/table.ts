export interface Mutation {
  /** What is taken away. */
  guard: string
  file: string
  /** A piece of code that stands exactly once in the file, however it is formatted. */
  search: string
  replace: string
  /** Test files, of which at least one has to fail. */
  tests: string[]
}

const CROSS_SITE = ['test/routes/cross-site.test.ts']
const SESSIONS = ['test/sessions/resolver.test.ts']
const UNIT = 'test/kratos-client'
const LIMITS = ['test/http/http-limits.test.ts']
const SHEDDING = ['test/http/load-shedding.test.ts']

/** Each guard with a way to remove it; without the guard a test has to be red (O07). A guard more is a row more. */
export const MUTATIONS: readonly Mutation[] = [
  {
    guard: 'origin check of guarded routes',
    file: 'plugins/auth/authenticate.ts',
    search: 'await app.guardOrigin(request)',
    replace: 'void request',
    tests: CROSS_SITE,
  },
  {
    guard: 'origin check of flow submits',
    file: 'routes/api/auth/flows/index.ts',
    search: '{ onRequest: [app.guardOrigin, app.loginThrottle.byAddress],',
    replace: '{ onRequest: [app.loginThrottle.byAddress],',
    tests: CROSS_SITE,
  },
  {
    guard: 'origin check of logout',
    file: 'routes/api/auth/logout/index.ts',
    search: ', onRequest: app.guardOrigin }, async',
    replace: ' }, async',
    tests: CROSS_SITE,
  },
  {
    guard: 'visit check of logout by GET',
    file: 'routes/api/auth/logout/index.ts',
    search: 'onRequest: app.guardVisit, ',
    replace: '',
    tests: CROSS_SITE,
  },
  {
    guard: 'no navigation may post',
    file: 'src/origin-guard.ts',
    search: '!isForm(request) && ',
    replace: '',
    tests: CROSS_SITE,
  },
  {
    guard: 'fetch metadata where there is no Origin',
    file: 'src/origin-guard.ts',
    search: "return site === 'same-origin'",
    replace: "return site !== 'cross-site'",
    tests: CROSS_SITE,
  },
  {
    guard: 'duplicate session cookies',
    file: 'src/kratos-client/credential.ts',
    search: "if (other !== undefined) return { kind: 'conflict' }",
    replace: '',
    tests: [`${UNIT}/credential.test.ts`],
  },
  {
    guard: 'alphabet of a sealed cookie',
    file: 'src/kratos-client/credential.ts',
    search: "return SEALED_COOKIE.test(value) ? { kind: 'cookie', value, from: 'cookie' } : NONE",
    replace: "return { kind: 'cookie', value, from: 'cookie' }",
    tests: ['test/routes/cookies.test.ts'],
  },
  {
    guard: 'one credential upstream',
    file: 'src/kratos-client/credential.ts',
    search: 'if (value !== undefined) return fromCookie(value)',
    replace: '',
    tests: [`${UNIT}/credential.test.ts`],
  },
  {
    guard: 'deadline',
    file: 'src/kratos-client/call.ts',
    search: 'setTimeout(timeOut, deadlineMs, this)',
    replace: 'setTimeout(timeOut, deadlineMs + 900, this)',
    tests: [`${UNIT}/transport.test.ts`],
  },
  {
    guard: 'deadline while connecting',
    file: 'src/kratos-client/call.ts',
    search: 'this.finish(outcome); this.#controller?.abort(GIVEN_UP)',
    replace: 'if (this.#controller !== undefined) this.finish(outcome)\n this.#controller?.abort(GIVEN_UP)',
    tests: ['test/http/unreachable.test.ts'],
  },
  {
    guard: 'a POST is never sent twice',
    file: 'src/kratos-client/call.ts',
    search: 'this.status === 0 && onlyReads(this.#request.method)',
    replace: 'this.status === 0',
    tests: [`${UNIT}/transport.test.ts`],
  },
  {
    guard: 'a call that was given up is not sent',
    file: 'src/kratos-client/call.ts',
    search: 'if (this.#done === undefined) controller.abort(GIVEN_UP)',
    replace: '',
    tests: [`${UNIT}/transport.test.ts`],
  },
  {
    guard: 'a queue that stays is kept short',
    file: 'src/kratos-client/admission-queue.ts',
    search: 'entries.length < sustainedLimit || (entries.length < queue && performance.now() - queuedSince < BURST_MS)',
    replace: 'entries.length < queue',
    tests: [`${UNIT}/transport.test.ts`],
  },
  {
    guard: 'limit of an answer',
    file: 'src/kratos-client/buffered-call.ts',
    search: 'if (size > maxBodyBytes) controller.abort',
    replace: 'if (size > maxBodyBytes * 100) controller.abort',
    tests: [`${UNIT}/transport.test.ts`],
  },
  {
    guard: 'an unknown answer is no missing session',
    file: 'src/kratos-client/answer.ts',
    search: "if (!isRecord(error) || (typeof error['code'] === 'number' && error['code'] >= 500)) return badAnswer",
    replace: 'if (!isRecord(error)) return badAnswer',
    tests: [`${UNIT}/answer.test.ts`],
  },
  {
    guard: 'redirect targets',
    file: 'src/kratos-client/answer.ts',
    search: "if (typeof target !== 'string' || !context.isAllowedRedirect(target)) {",
    replace: "if (typeof target !== 'string') {",
    tests: ['test/routes/injection.test.ts'],
  },
  {
    guard: 'return_to',
    file: 'routes/api/auth/flows/index.ts',
    search: '!isAllowedReturnTo(target, returnTargets)',
    replace: 'false',
    tests: ['test/routes/injection.test.ts'],
  },
  {
    guard: 'session token out of the body',
    file: 'src/flows/delivery.ts',
    search: 'return withoutSessionToken(body)',
    replace: 'return body',
    tests: ['test/routes/flows.test.ts'],
  },
  {
    guard: 'cookies of the flow that was prepared',
    file: 'src/flows/delivery.ts',
    search: '.forwardCookies(ready.setCookie)',
    replace: '',
    tests: ['test/routes/outcomes.test.ts'],
  },
  {
    guard: 'an account is deleted by a session that Kratos confirms',
    file: 'routes/api/auth/account/index.ts',
    search: ', fresh: true',
    replace: '',
    tests: ['test/routes/session-cache.test.ts'],
  },
  {
    guard: 'sessions that are none are not listed',
    file: 'routes/api/auth/sessions/index.ts',
    search: 'sessions.filter(isRecord)',
    replace: 'sessions',
    tests: ['test/routes/devices.test.ts'],
  },
  {
    guard: 'webhook key',
    file: 'src/webhook/receiver.ts',
    search: 'if (!isKnownKey(request.headers[WEBHOOK_KEY_HEADER])) {',
    replace: 'if (isKnownKey === undefined) {',
    tests: ['test/routes/webhook.test.ts'],
  },
  {
    guard: 'constant-time compare of the webhook key',
    file: 'src/webhook/key.ts',
    search: 'timingSafeEqual(key, given)',
    replace: 'key.equals(given)',
    tests: ['test/service/config.test.ts'],
  },
  {
    guard: 'cache cap',
    file: 'src/sessions/cache-lifetime.ts',
    search: 'Math.min(Number(header) * SECOND, maxAgeMs, expiresInMs)',
    replace: 'Math.min(Number(header) * SECOND, expiresInMs)',
    tests: SESSIONS,
  },
  {
    guard: 'tombstone of a purged identity',
    file: 'src/sessions/session-cache.ts',
    search: 'else tombstones.set(identityId, { generation, until: now + maxAgeMs })',
    replace: '',
    tests: SESSIONS,
  },
  {
    guard: 'nobody joins a look-up from before a purge',
    file: 'src/sessions/single-flight.ts',
    search: 'pending.clear()',
    replace: '',
    tests: SESSIONS,
  },
  {
    guard: 'no answer from before a purge is kept',
    file: 'src/sessions/resolver.ts',
    search: 'if (lookUp.isCurrent) keep(',
    replace: 'keep(',
    tests: SESSIONS,
  },
  {
    guard: 'a renewed cookie is for the one that asked',
    file: 'src/sessions/resolver.ts',
    search: 'return outcome.setCookie.length === 0 ? outcome : { ...outcome, setCookie: [] }',
    replace: 'return outcome',
    tests: SESSIONS,
  },
  {
    guard: 'logout is confirmed',
    file: 'src/sessions/logout.ts',
    search: "if (outcome.kind === 'none') return answer",
    replace: 'return answer',
    tests: ['test/http/failures.test.ts'],
  },
  {
    guard: 'limit of pipelining',
    file: 'src/service/connections.ts',
    search: 'if (load.unanswered > MAX_UNANSWERED) {',
    replace: 'if (load.unanswered > 100 * MAX_UNANSWERED) {',
    tests: LIMITS,
  },
  {
    guard: 'limit of headers',
    file: 'src/service/host-header.ts',
    search: "if (rawHeaders.length > 2 * MAX_HEADERS) return 'HEADERS_TOO_LARGE'",
    replace: '',
    tests: LIMITS,
  },
  {
    guard: 'limit of a stalled reader',
    file: 'src/app.ts',
    search: 'connectionTimeout: connectionTimeout(config),',
    replace: '',
    tests: LIMITS,
  },
  {
    guard: 'limit of connections',
    file: 'src/server.ts',
    search: 'app.server.maxConnections = connectionLimit(openFileLimit())',
    replace: '',
    tests: ['test/programs/server.test.ts'],
  },
  {
    guard: 'load shedding',
    file: 'plugins/service/load-shedding.ts',
    search: "return done(serviceError('OVERLOADED'))",
    replace: 'return done()',
    tests: SHEDDING,
  },
  {
    guard: 'load shedding counts no uploads',
    file: 'plugins/service/load-shedding.ts',
    search: 'if (!awaitsBody(request)) begin(request, reply)',
    replace: 'begin(request, reply)',
    tests: SHEDDING,
  },
  {
    guard: 'load shedding counts down',
    file: 'plugins/service/load-shedding.ts',
    search: 'if (request.isInFlight) inFlight--',
    replace: '',
    tests: SHEDDING,
  },
  {
    guard: 'load shedding counts nobody who has left',
    file: 'plugins/service/load-shedding.ts',
    search: 'if (reply.raw.destroyed) return',
    replace: '',
    tests: SHEDDING,
  },
  {
    guard: 'limit of prepared statements',
    file: 'src/service/store/sqlite.ts',
    search: 'if (statements.size >= STATEMENT_CACHE_SIZE) statements.clear()',
    replace: '',
    tests: ['test/store/sqlite.test.ts'],
  },
]
