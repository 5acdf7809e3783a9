import {
  absoluteUrl,
  boolean,
  distinct,
  duration,
  filled,
  group,
  ignored,
  oneOf,
  read,
  secret,
  text,
  untyped,
  type Rule,
} from '../rules.js'
import { unread } from './reasons.js'

const TOKENIZER = 'session.whoami.tokenizer'

export const SESSIONS: Record<string, Rule> = {
  'session.{lifespan,earliest_possible_extend}': read(duration),
  'session.whoami.required_aal': read(oneOf('aal1', 'highest_available')),
  [`${TOKENIZER}.templates.*`]: group(['jwks_url']),
  [`${TOKENIZER}.templates.*.ttl`]: read(duration),
  [`${TOKENIZER}.templates.*.{claims_mapper_url,jwks_url}`]: read(absoluteUrl),
  [`${TOKENIZER}.templates.*.subject_source`]: read(oneOf('id', 'external_id')),
  [`${TOKENIZER}.templates.*.*`]: unread,
  [`${TOKENIZER}.*`]: unread,
  'session.cookie.{name,domain,path,secure}': read(text),
  'session.cookie.persistent': read(boolean),
  '{session.cookie,cookies}.same_site': read(oneOf('Strict', 'Lax', 'None')),
  'cookies.{domain,path,secure}': read(text),
  'secrets.{default,cookie}': distinct,
  'secrets.{pagination,cipher}': filled,
  'secrets.{default,cookie,pagination}[]': read(secret(16)),
  'secrets.cipher[]': read(secret(32, 32)),
  'security.account_enumeration.mitigate': read(boolean),
  'security.{account_enumeration.*,*}': unread,
  feature_flags: untyped,
  'feature_flags.{cacheable_sessions,use_continue_with_transitions}': read(boolean),
  'feature_flags.{legacy_continue_with_verification_ui,choose_recovery_address}': read(boolean),
  'feature_flags.{legacy_require_verified_login_error,faster_session_extend,legacy_oidc_registration_node_group}': read(
    boolean,
  ),
  'feature_flags.cacheable_sessions_max_age': read(duration),
  'feature_flags.password_profile_registration_node_group': ignored(
    'Kratos v26.2.0 does not read it either',
    oneOf('password', 'default'),
  ),
}
