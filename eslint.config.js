import neostandard from 'neostandard'

/** One way to write what the preset leaves open. Long texts stay in one piece, so that they can be searched for. */
const style = {
  '@stylistic/arrow-parens': ['error', 'always'],
  '@stylistic/comma-dangle': ['error', 'never'],
  '@stylistic/max-len': ['error', {
    code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true
  }],
  '@stylistic/member-delimiter-style': ['error', {
    multiline: { delimiter: 'none' }, singleline: { delimiter: 'comma' }
  }]
}

export default [
  ...neostandard({ ts: true, ignores: ['dist/', '.tap/', 'data/', 'test/recordings/'] }),
  { files: ['kratos/**/*.ts', 'test/embedded/**/*.ts'], rules: style }
]
