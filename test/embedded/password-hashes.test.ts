import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import { call, logIn, whoami } from './client.js'

const PASSWORD = 'correct horse 9'
const WRONG = 'wrong horse 9'
const LONG = 'correct horse 9 with a rather long tail of many bytes, more than 64 of them'

/** Made by OpenSSL, glibc and node:crypto; a v26.2.0 takes them all. */
const HASHES: Record<string, string> = {
  'md5-crypt': '$md5-crypt$saltsalt$VdQTDg/ktw8SW2PKIhv600',
  'sha256-crypt': '$sha256-crypt$saltsalt$ibPeE7wjGcY1CmfeEOk/1C3TVP1cvsdYIeN2X/6lNy4',
  'sha512-crypt': '$sha512-crypt$saltsalt$E4QC.PwxOyayztz97/Aap1Xk/VNtLp0dY5ka.Grj4XoqYD44of6Mf/CqX25qW21taR6Rc7tXVWh34' +
    'OrwSnlrT0',
  argon2id: '$argon2id$v=19$m=256,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$f+HC1BxVs3Oq6DaWsmwD8x4fKsKUh56hncSqlFrETEY',
  argon2i: '$argon2i$v=19$m=256,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$fp86wPS/CoxZxGdu1DV11BWWEmLRICoC',
  'pbkdf2-sha1': '$pbkdf2-sha1$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$EGZrR3RxxTBHlFxxGl5ZBJZTqx16gNcFehZ/OYHLrCg',
  'pbkdf2-sha224 (SHA-3)': '$pbkdf2-sha224$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$WHx5mePqvUyYNpAOwO4jFKo53DLCor/5m8eD3XCDqME',
  'pbkdf2-sha256': '$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$0Hee2/+ElSQ1Dl4zc2hwYdF3MG6IgQbpdK0WUaIjTAk',
  'pbkdf2-sha384 (SHA-3)': '$pbkdf2-sha384$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$0nWjXi7kz8lVUR/rkU4+bWSl/j3WFCs5/Ovan68Dqv8',
  'pbkdf2-sha512': '$pbkdf2-sha512$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$L7mJxx9LMdUOupVqi2JCPCs3A+BhUJbfpzQHayK1c9g',
  'pbkdf2 with an unknown digest': '$pbkdf2-sha999$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$0Hee2/+ElSQ1Dl4zc2hwYdF3MG6IgQbpdK0WUaIjTAk',
  scrypt: '$scrypt$ln=16384,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$cAsjGisvgB/X22BOhq23EGZSvYK1SM/xd3+yCjncoT4=',
  'scrypt of 32 MB': '$scrypt$ln=32768,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$8aSHtPfaHXJrFLGUjlo5O4FyXp7yw9wLKJNFbm26B4A=',
  ssha: '{SSHA}BC2lRuMmd+2ALy/CNVCgpPmzpu4wMTIzNDU2Nzg5YWJjZGVm',
  ssha256: '{SSHA256}DFsxIbOJwGqv0GIfy7iI+ZHw6fuGU5Pt1WViHRhZczwwMTIzNDU2Nzg5YWJjZGVm',
  ssha512: '{SSHA512}y/do5eB43wSRUIiCpkOz1Gz4e/NLGSx7JGAhaNdNcNCSyY/veBFfmmh7d1AMnDQKNnDlDRlnyH1NNn9hKC8Z3TAxMjM' +
    '0NTY3ODlhYmNkZWY=',
  'sha1 with a format': '$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$N88jybuarz5LV/f62X4LKTFTtyM=',
  'sha256 with a format': '$sha256$pf=e1BBU1NXT1JEfS17U0FMVH0=$MDEyMzQ1Njc4OWFiY2RlZg==$/OqXFLrf+HVeZyVz1JbS5vpxmEC44LhlEPFBnV2' +
    'JIC8=',
  'sha512 with a format': '$sha512$pf=eHtTQUxUfXl7UEFTU1dPUkR9eg==$MDEyMzQ1Njc4OWFiY2RlZg==$WtZ2X3mfyw/SC9WMySnTT41yyYOKH0JPEsS' +
    'Mtw1dvtNpf57oFgh9ihbl15JNUk38Thiic3pm0g7a/ouF1nezyA==',
  'scrypt of Firebase': '$firescrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$dtDkGapfzacykipEOqNCIuuZ7lztUZeM9MdjBJAOsOw/0ypB6' +
    'l3OhVFeOF8PmmWrmjN49ws5B4LpnHd/z59+rg==$Qnc=$BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc' +
    'HBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw==',
  md5: '$md5$0joe/yprnmZN72my5JzwaA==',
  'md5 with a format': '$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$pqzpTXXd4MBOULM9KcpWew==',
  'hmac-md5': '$hmac-md5$ZTE3ZDczMDA5MWUxYzg4Y2M0MzEyZTBmZGJkZDhhNmE=$a2V5',
  'hmac-sha1': '$hmac-sha1$Y2M0MDJjMmUzZmZiNGU3YzVlMWVmNDI0YzAxZDI2NWU5YTc0MDYwNA==$a2V5',
  'hmac-sha224': '$hmac-sha224$YjI2YzlhYmZkOTJiM2Q1ZGUzZjgyYjVkOTdlNWEyYTBiZWZmOGRhYTBmMmQ1MzBjNzhmMWUzOTk=$a2V5',
  'hmac-sha256': '$hmac-sha256$NDYzNTNkMmE5OWE5MGIxMzY0MDk3NmU3MzRlYmQyMGFmMzQwYzMwNzA2Y2FiNGM3MWEyN2ZjZWVhMTM4NzkyMw=' +
    '=$a2V5',
  'hmac-sha384': '$hmac-sha384$YTI3YmE2NTNiYjQ0NDcwNDZlZWQxM2Y4NTljYzM3NjIyZGU1ZGRlYjdhYzE1ODJlZDM3NmUyYzJjNjI4NzhmZDg' +
    'yMDhkMGJkYWI5ZjNmNGNmODM5YmQ3ZWRjNzFjYWU4$a2V5',
  'hmac-sha512': '$hmac-sha512$MGJmN2ZmOWM4YWIxNmM2NjA1OTQ3NWEyNmI5M2E1NGI2ZTYzNTE5NGQ2OGQzNGJmZmU2YWE4ODljNzA0MTQzMDJ' +
    'mY2ZiZDc1ZWRkNTAwNWJhNTU0NjVkY2FkYjgyN2ZhMzYyNjEzN2VkYTI0ZWQ1MzRkYTdiM2U4MjY4ZjJkMGE=$a2V5',
  'hmac-md4': '$hmac-md4$YTBkODI5OWIxZDc5Yzk2NTMwZDExOGQ3YjFmNTRkYWI=$a2V5',
  bcrypt: '$2b$04$I8oyy7vj4rjQAkXCq/u1q.Izcnm3b3XkgZidJ0x6MX5150ERHrLKq',
  'bcrypt without a minor version': '$2$04$I8oyy7vj4rjQAkXCq/u1q.Izcnm3b3XkgZidJ0x6MX5150ERHrLKq',
  'bcrypt of version 2z': '$2z$04$I8oyy7vj4rjQAkXCq/u1q.Izcnm3b3XkgZidJ0x6MX5150ERHrLKq',
}

const LONG_HASHES: Record<string, string> = {
  'sha256-crypt': '$sha256-crypt$abcdefghijkl$YFMsqjrCd/5x.SRaSb1AiGBIF3GHtRScGJOGCumvD2/',
}

/** Kratos takes them at the import, and no password at the login. */
const UNREADABLE: Record<string, string> = {
  'argon2 of an older version':
    '$argon2id$v=16$m=256,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$f+HC1BxVs3Oq6DaWsmwD8x4fKsKUh56hncSqlFrETEY',
  'pbkdf2 with padding':
    '$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg==$0Hee2/+ElSQ1Dl4zc2hwYdF3MG6IgQbpdK0WUaIjTAk',
  'ssha without salt': '{SSHA}H5CQsPd3Mi7M+rcAd04YFZWatcg=',
  'md5 that is no base64': '$md5$nonsense',
  'scrypt without numbers': '$scrypt$x$y$z',
  'argon2 without anything': '$argon2id$',
}

async function start (t: Test): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ overrides: { hashers: { bcrypt: { cost: 4 } } } })
  t.teardown(async () => await kratos.close())
  return kratos
}

async function imported ({ adminUrl }: EmbeddedKratos, name: string, hash: string): Promise<string> {
  const email = `${name.toLowerCase().replaceAll(/\W/g, '-')}@example.test`
  const credentials = { password: { config: { hashed_password: hash } } }
  const { status } = await call('POST', `${adminUrl}/admin/identities`, {
    body: { schema_id: 'default', traits: { email }, credentials },
  })
  if (status !== 201) throw new Error(`${name} is not imported: ${status}`)
  return email
}

const storedHash = async ({ adminUrl }: EmbeddedKratos, id: string): Promise<string> =>
  (await call('GET', `${adminUrl}/admin/identities/${id}?include_credential=password`))
    .body['credentials'].password.config.hashed_password

export default async function (t: Test): Promise<void> {
  t.test('passwords from other systems', async (t) => {
    const kratos = await start(t)

    t.test('log in; wrong ones are refused like any wrong password', async (t) => {
      for (const [name, hash] of Object.entries(HASHES)) {
        const email = await imported(kratos, name, hash)
        const refused = await logIn(kratos.publicUrl, email, WRONG)
        t.match([refused.status, refused.body['ui'].messages[0].id], [400, 4000006], `${name}: wrong`)
        t.equal((await logIn(kratos.publicUrl, email, PASSWORD)).status, 200, `${name}: right`)
      }
      for (const [name, hash] of Object.entries(LONG_HASHES)) {
        const email = await imported(kratos, `long-${name}`, hash)
        t.equal((await logIn(kratos.publicUrl, email, LONG)).status, 200, `${name}: long`)
      }
    })

    t.test('are replaced by a bcrypt hash at the first login', async (t) => {
      const email = await imported(kratos, 'replaced', HASHES['md5'] ?? '')
      const { body } = await logIn(kratos.publicUrl, email, PASSWORD)
      const { id } = (await whoami(kratos.publicUrl, { 'x-session-token': body['session_token'] })).body['identity']
      const first = await storedHash(kratos, id)
      t.match(first, /^\$2a\$04\$/)
      t.equal((await logIn(kratos.publicUrl, email, PASSWORD)).status, 200)
      t.equal(await storedHash(kratos, id), first, 'but not again')
    })

    t.test('that are too long for bcrypt keep their hash', async (t) => {
      const hash = LONG_HASHES['sha256-crypt'] ?? ''
      const email = await imported(kratos, 'kept', hash)
      const { body } = await logIn(kratos.publicUrl, email, LONG)
      const { id } = (await whoami(kratos.publicUrl, { 'x-session-token': body['session_token'] })).body['identity']
      t.equal(await storedHash(kratos, id), hash)
    })

    t.test('with a hash that cannot be read log nobody in', async (t) => {
      for (const [name, hash] of Object.entries(UNREADABLE)) {
        const email = await imported(kratos, name, hash)
        t.equal((await logIn(kratos.publicUrl, email, PASSWORD)).status, 400, name)
      }
    })
  })
}
