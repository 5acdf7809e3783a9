const PREFIXES = [
  'https://', 'http://', 'HTTPS://', '//', '///', '////', '/\\', '\\/', '\\\\', 'https:', 'https:/', 'https:///', 'https:\\\\', 'https:/\\', 'ftp://', 'ws://', 'file:///', 'blob:https://', 'view-source:https://',
  'javascript:', 'javascript://', 'data:text/html,', ' https://', '\thttps://', 'ht\ntps://', 'https:\t//', '/\t/', '/\n/', '/\r\\', '/\u000b\\', '/ /', '\u0000//', '\u00a0//', './/', './/', '..//', 'https://%09', 'https://\u3000'
]
const HOSTS = [
  'evil.example', 'app.example@evil.example', 'app.example:443@evil.example', 'app.example%00@evil.example', 'app.example.evil.example', 'evilapp.example', 'app.example-evil.example', 'evil.example\\@app.example', 'evil.example%5c.app.example:1',
  'app.example.evil', '169.254.169.254', '[::1]', 'localhost:3002', 'localhost.evil.example:3001', 'xn--pp-7kc.example', 'app-example', 'sub.app.example'
]
const TAILS = ['', '/', '/app.example', '?https://app.example', '#@app.example', '/..;/', '?x=//app.example/']

/** A corpus of our own of addresses that lead away from `https://app.example` and `http://localhost:3001`, or look as if they did (E01). */
export const HOSTILE_TARGETS: readonly string[] = [...new Set(PREFIXES.flatMap((prefix) => HOSTS.flatMap((host) => TAILS.map((tail) => prefix + host + tail))))]
