import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { goTemplate } from '../../kratos/embedded/courier/go-template/render.js'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { register, submitFlow } from './client.js'

const DATA = {
  To: 'ada@example.test',
  Count: 2,
  Identity: { traits: { name: 'Ada', tags: ['a', 'b'] } },
  TransientPayload: {},
}

/** Template and text, as Kratos v26.2.0 renders them. */
const TEXTS: Array<[string, string]> = [
  ['Hi {{ .Identity.traits.name }}', 'Hi Ada'],
  ['a {{- /* a comment */ -}} b', 'ab'],
  ['x {{- .To -}} y', 'xada@example.testy'],
  ['{{ if eq .Count 1 }}one{{ else if eq .Count 2 }}two{{ else }}many{{ end }}', 'two'],
  ['{{ range $i, $tag := .Identity.traits.tags }}{{ $i }}={{ $tag }} {{ end }}', '0=a 1=b '],
  ['{{ range .TransientPayload.none }}x{{ else }}nothing{{ end }}', 'nothing'],
  ['{{ with .Identity.traits }}{{ .name | upper | printf "%s-%d" "a" }}{{ end }}', 'a-ADA'],
  ['{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}', '2'],
  ['{{ define "part" }}<{{ . }}>{{ end }}{{ template "part" .To }}', '<ada@example.test>'],
  ['{{ .TransientPayload.none }} {{ default "d" .TransientPayload.none }}', '<no value> d'],
  ['{{ .Identity.traits }} {{ toJson .Identity.traits }}', 'map[name:Ada tags:[a b]] {"name":"Ada","tags":["a","b"]}'],
  ['{{ if and .To (not .TransientPayload) }}{{ len .To }}{{ end }}', '16'],
]

export default async function (t: Test): Promise<void> {
  t.test('templates of messages', async (t) => {
    t.test('render as in Go', async (t) => {
      for (const [source, text] of TEXTS) t.equal(goTemplate(source)(DATA), text, source)
      const html = '<a title="{{ "a&b" }}">{{ "<b>+\'" }} {{ .TransientPayload.none }}</a>'
      t.equal(goTemplate(html, { isHtml: true })(DATA), '<a title="a&amp;b">&lt;b&gt;&#43;&#39; </a>')
    })

    t.test('refuse what they do not know', async (t) => {
      t.throws(() => goTemplate('{{ env "HOME" }}'), /function "env" is not built/)
      t.throws(() => goTemplate('{{ constructor }}'), /not built/)
      t.throws(() => goTemplate('{{ if .To }}'), /no \{\{end\}\}/)
      t.throws(() => goTemplate('<script>{{ .To }}</script>', { isHtml: true }), /scripts/)
      t.throws(() => goTemplate('{{ .Nothing }}')(DATA), /can't evaluate field Nothing/)
    })

    t.test('come from the configuration or a folder; those beyond the subset are left out and told', async (t) => {
      const folder = t.testdir()
      const part = join(folder, 'recovery_code/valid')
      mkdirSync(part, { recursive: true })
      writeFileSync(join(part, 'email.subject.gotmpl'), '{{ template "en" . }}')
      writeFileSync(join(part, 'email.subject.en.gotmpl'), '{{ define "en" }}For {{ .To }}\n{{ end }}')
      writeFileSync(join(part, 'email.body.gotmpl'), '{{ env "HOME" }}')
      const plaintext = `base64://${Buffer.from('Code {{ .VerificationCode }}, {{ .VerificationURL }}').toString('base64')}`
      const courier = {
        template_override_path: folder,
        templates: { verification_code: { valid: { email: { body: { plaintext } } } } },
      }
      const overrides = { hashers: { bcrypt: { cost: 4 } }, courier }
      const lines: string[] = []
      const kratos = await startEmbeddedKratos({ overrides, env: {}, logger: (line) => lines.push(line) })
      t.teardown(async () => await kratos.close())
      await register(kratos.publicUrl, 'ada@example.test')
      await submitFlow(kratos.publicUrl, 'recovery', { method: 'code', email: 'ada@example.test' })
      const [recovery, verification] = kratos.messages('ada@example.test')
      t.equal(recovery?.subject, 'For ada@example.test')
      t.match(recovery?.body, /^Recover access/, 'the built-in text where there is no template')
      t.match(verification?.body, /^Code \d{6}, http:\/\/\S+$/)
      t.match(lines.join('\n'), /left out message template: \S*email\.body\.gotmpl: function "env" is not built/)
      await t.rejects(startEmbeddedKratos({ overrides, env: {}, strict: true }), { message: /templates would be left out/ })
    })
  })
}
