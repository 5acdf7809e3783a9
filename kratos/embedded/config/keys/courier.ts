import {
  absoluteUrl,
  duration,
  group,
  ignored,
  integer,
  mailAddress,
  oneOf,
  read,
  smtpUrl,
  text,
  type Rule,
} from '../rules.js'
import { unread } from './reasons.js'
import { request } from './requests.js'

const WITHOUT_WORKER = 'messages are delivered at once'

const templates = (names: string, outcomes: string): Record<string, Rule> => ({
  [`courier.templates.{${names}}.{${outcomes}}`]: group(['email']),
  [`courier.templates.{${names}}.{${outcomes}}.email.subject`]: read(absoluteUrl),
  [`courier.templates.{${names}}.{${outcomes}}.email.body.{plaintext,html}`]: read(absoluteUrl),
})

export const COURIER: Record<string, Rule> = {
  ...templates('recovery,recovery_code,verification,verification_code', 'valid,invalid'),
  ...templates('login_code,registration_code', 'valid'),
  'courier.templates.{recovery,recovery_code,verification,verification_code}.valid.sms.body.plaintext': read(absoluteUrl),
  'courier.templates.{login_code,registration_code}.valid.sms.body.plaintext': read(absoluteUrl),
  'courier.template_override_path': read(text),
  'courier.message_retries': read(integer()),
  'courier.worker.pull_count': ignored(WITHOUT_WORKER, integer()),
  'courier.worker.pull_wait': read(duration),
  'courier.worker.*': unread,
  'courier.delivery_strategy': read(oneOf('smtp', 'http')),
  ...request('courier.http.request_config'),
  'courier.smtp.connection_uri': read(smtpUrl),
  'courier.smtp.{client_cert_path,client_key_path,from_name,local_name}': read(text),
  'courier.smtp.from_address': read(mailAddress),
  'courier.smtp.headers.*': read(text),
  'courier.channels[]': group(['id', 'request_config']),
  'courier.channels[].id': read(oneOf('sms')),
  'courier.channels[].type': read(oneOf('http')),
  ...request('courier.channels[].request_config'),
}
