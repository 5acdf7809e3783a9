import regexp from 'eslint-plugin-regexp'
import neostandard, { plugins } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/', 'build/', '.tap/', 'data/', 'coverage/', 'test/recordings/'] }),
  {
    // What tests and the development server match is text of those who run them.
    files: ['src/**', 'plugins/**', 'routes/**', 'bench/**'],
    plugins: { regexp },
    rules: {
      // What a client sends is matched in linear time: a text of 60,000 blanks stopped the process for seconds.
      'regexp/no-super-linear-backtracking': 'error',
      'regexp/no-super-linear-move': 'error',
    },
  },
  {
    plugins: { '@stylistic': plugins['@stylistic'] },
    rules: {
      '@stylistic/arrow-parens': ['error', 'always'],
      '@stylistic/comma-dangle': ['error', 'always-multiline'],
      '@stylistic/max-len': ['error', {
        code: 120,
        ignoreUrls: true,
        ignoreRegExpLiterals: true,
        ignoreStrings: true,
        ignoreTemplateLiterals: true,
      }],
    },
  },
]
