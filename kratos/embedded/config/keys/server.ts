import { isObject, type Json } from '../../json.js'
import { isGoUri } from '../go-url.js'
import {
  absoluteUrl,
  boolean,
  distinct,
  duration,
  filled,
  group,
  ignored,
  integer,
  memory,
  number,
  oneOf,
  pattern,
  plainDuration,
  read,
  text,
  unbuilt,
  url,
  type Rule,
} from '../rules.js'
import { unread } from './reasons.js'

const PLAIN = 'the embedded server speaks plain HTTP'
const ANY_HOST = 'the embedded server listens on 127.0.0.1 unless told otherwise'
const ONE_LOG = 'there is one log'
const ONLY_BCRYPT = 'only bcrypt is used'
const PROCESS = 'it steers the process of a real Kratos'
const CLEANUP = 'nothing is cleaned up'

/** Kratos needs a key where it encrypts. */
function rootProblem (config: Json): string | undefined {
  const { ciphers, secrets } = isObject(config) ? config : {}
  const algorithm = isObject(ciphers) ? ciphers['algorithm'] : undefined
  const isEncrypted = algorithm === 'aes' || algorithm === 'xchacha20-poly1305'
  return isEncrypted && !(isObject(secrets) && secrets['cipher'] !== undefined)
    ? `lacks secrets.cipher, which ciphers.algorithm ${algorithm} needs`
    : undefined
}

const ORIGIN_PROBLEM = 'a URL with at most one *, or *'
const origin = {
  type: 'string' as const,
  problem: (value: Json) =>
    typeof value === 'string' && (value === '*' || (isGoUri(value) && !/\*.*\*/.test(value)))
      ? undefined
      : `wants ${ORIGIN_PROBLEM}`,
}

const LISTENERS: Record<string, Rule> = {
  'serve.public.base_url': read(url),
  'serve.admin.base_url': read(absoluteUrl),
  // Used by the command `embedded-kratos`; in a test the port is any free one.
  'serve.{public,admin}.port': read(integer(1, 65_535)),
  'serve.{public,admin}.host': ignored(ANY_HOST, text),
  'serve.{public,admin}.socket.{owner,group}': ignored(ANY_HOST, text),
  'serve.{public,admin}.socket.mode': ignored(ANY_HOST, integer(0, 511)),
  'serve.{public,admin}.tls.{key,cert}.{path,base64}': ignored(PLAIN, text),
  'serve.{public,admin}.request_log.disable_for_health': ignored('requests are not logged', boolean),
  'serve.public.cors.{enabled,allow_credentials,options_passthrough}': read(boolean),
  'serve.public.cors.allowed_origins': distinct,
  'serve.public.cors.allowed_origins[]': read(origin),
  'serve.public.cors.allowed_methods[]': read(
    oneOf('POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'HEAD', 'OPTIONS', 'TRACE'),
  ),
  'serve.public.cors.{allowed_headers,exposed_headers}[]': read(text),
  'serve.public.cors.max_age': read(integer(0)),
  'serve.public.cors.debug': ignored('it only logs', boolean),
}

const SAMPLED = 'tracing.providers'
const ADDRESS = /^(\[[0-9a-f:.%]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?):[0-9]*$/i

const OBSERVED: Record<string, Rule> = {
  'log.level': ignored(ONE_LOG, oneOf('trace', 'debug', 'info', 'warning', 'error', 'fatal', 'panic')),
  'log.leak_sensitive_values': ignored(ONE_LOG, boolean),
  'log.redaction_text': ignored(ONE_LOG, text),
  'log.format': ignored(ONE_LOG, oneOf('json', 'text')),
  'tracing.provider': ignored(ONE_LOG, oneOf('jaeger', 'otel', 'zipkin')),
  'tracing.{service_name,deployment_environment}': ignored(ONE_LOG, text),
  [`${SAMPLED}.jaeger.local_agent_address`]: ignored(ONE_LOG, pattern('a host and a port', ADDRESS)),
  [`${SAMPLED}.jaeger.sampling.server_url`]: ignored(ONE_LOG, absoluteUrl),
  [`${SAMPLED}.jaeger.sampling.trace_id_ratio`]: ignored(ONE_LOG, number),
  [`${SAMPLED}.zipkin.server_url`]: ignored(ONE_LOG, absoluteUrl),
  [`${SAMPLED}.{zipkin,otlp}.sampling.sampling_ratio`]: ignored(ONE_LOG, number),
  [`${SAMPLED}.otlp.server_url`]: ignored(ONE_LOG, pattern('a host and a port', ADDRESS)),
  [`${SAMPLED}.otlp.insecure`]: ignored(ONE_LOG, boolean),
  [`${SAMPLED}.otlp.authorization_header`]: ignored(ONE_LOG, text),
}

const STORED: Record<string, Rule> = {
  dsn: ignored('the database is chosen at the start', text),
  'database.cleanup.batch_size': ignored(CLEANUP, integer(1)),
  'database.cleanup.sleep.tables': ignored(CLEANUP, plainDuration),
  'database.cleanup.older_than': ignored(CLEANUP, plainDuration),
  'database.cleanup.{sleep.*,*}': unread,
  'preview.default_read_consistency_level': ignored('there is one database', oneOf('strong', 'eventual')),
  'preview.*': unread,
  'hashers.algorithm': read(oneOf('argon2', 'bcrypt')),
  'hashers.bcrypt': group(['cost']),
  'hashers.bcrypt.cost': read(integer(4, 31)),
  'hashers.argon2.{memory,dedicated_memory}': ignored(ONLY_BCRYPT, memory),
  'hashers.argon2.{iterations,parallelism}': ignored(ONLY_BCRYPT, integer(1)),
  'hashers.argon2.{salt_length,key_length}': ignored(ONLY_BCRYPT, integer(16)),
  'hashers.argon2.{expected_duration,expected_deviation}': ignored(ONLY_BCRYPT, duration),
  'ciphers.algorithm': ignored(
    'the development database is not encrypted',
    oneOf('noop', 'aes', 'xchacha20-poly1305'),
  ),
  'ciphers.*': unread,
}

const PEERS: Record<string, Rule> = {
  'clients.http.disallow_private_ip_ranges': unbuilt('the ban on private addresses', boolean, false),
  'clients.http.private_ip_exception_urls[]': ignored('no address is banned', url),
  'clients.web_hook.header_allowlist[]': read(text),
  'clients.{http.*,web_hook.*,*}': unread,
  'oauth2_provider.url': read(absoluteUrl),
  'oauth2_provider.headers.*': read(text),
  'oauth2_provider.override_return_to': read(boolean),
  'enterprise.identity_schema_fallback_url_template': unbuilt('the enterprise edition', text),
}

export const SERVER: Record<string, Rule> = {
  '': group(['identity', 'selfservice'], rootProblem),
  version: read(text),
  dev: read(boolean),
  '{sqa-opt-out,watch-courier,help}': ignored(PROCESS, boolean),
  'expose-metrics-port': ignored(PROCESS, integer(0, 65_535)),
  'config[]': ignored(PROCESS, text),
  revision: ignored(PROCESS, text),
  ...LISTENERS,
  ...OBSERVED,
  ...STORED,
  ...PEERS,
  selfservice: group(['default_browser_return_url']),
  'selfservice.default_browser_return_url': read(url),
  'selfservice.allowed_return_urls[]': read(url),
  identity: group(['schemas']),
  'identity.default_schema_id': read(text),
  'identity.schemas': filled,
  'identity.schemas[]': group(['id', 'url']),
  'identity.schemas[].id': read(text),
  'identity.schemas[].url': read(absoluteUrl),
  'identity.schemas[].selfservice_selectable': read(boolean),
  'identity.schemas[].*': unread,
}
