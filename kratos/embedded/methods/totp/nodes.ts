import { MESSAGES } from '../../ui/message.js'
import { inputNode, textNode, type UiNode } from '../../ui/node.js'
import { qrImage, secretOf } from './key.js'

const codeNode = (label: NonNullable<UiNode['meta']['label']>, value?: string): UiNode =>
  inputNode('totp', 'totp_code', 'text', { value, required: true, label })

const submitNode = (label: NonNullable<UiNode['meta']['label']>): UiNode =>
  inputNode('totp', 'method', 'submit', { value: 'totp', label })

/** Second step of a login. */
export const loginNodes = (): UiNode[] => [codeNode(MESSAGES.totpLabel(), ''), submitNode(MESSAGES.useTotp())]

/** For identities without TOTP: the key to scan or type, and a code to prove it. */
export const linkNodes = (url: string): UiNode[] => [
  {
    ...textNode('totp', 'totp_secret_key', MESSAGES.totpSecret(secretOf(url))),
    meta: { label: MESSAGES.totpSecretLabel() },
  },
  qrNode(url),
  codeNode(MESSAGES.verifyOtp()),
  submitNode(MESSAGES.save()),
]

const qrNode = (url: string): UiNode => ({
  type: 'img',
  group: 'totp',
  attributes: { src: qrImage(url), id: 'totp_qr', width: 256, height: 256, node_type: 'img' },
  messages: [],
  meta: { label: MESSAGES.totpQrCode() },
})

export const unlinkNode = (): UiNode =>
  inputNode('totp', 'totp_unlink', 'submit', { value: 'true', required: true, label: MESSAGES.unlinkTotp() })
