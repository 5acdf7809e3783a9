/**
 * The test kit: an Ory Kratos in the test's own process, without Docker or a network. It answers as v26.2.0 does; what
 * it does not do is refused at start (settings) or answered with 501 (requests), never made up.
 *
 * Kept apart from the plugin, so that a production process never loads it.
 */
export { startEmbeddedKratos } from '../kratos/embedded/index.js'
export type {
  Claims,
  Clock,
  EmbeddedKratos,
  EmbeddedKratosOptions,
  Fault,
  FaultOptions,
  IdentityJson,
  OidcProvider,
  SentMessage,
  SignedIn,
  SignInOptions,
} from '../kratos/embedded/index.js'
export type { Json, JsonObject } from '../kratos/embedded/json.js'
