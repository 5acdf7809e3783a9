/**
 * The test kit: a Kratos for development and tests in the same process, without a network server to install.
 * Kept apart from the plugin, so that a production process never loads it.
 */
export { startEmbeddedKratos } from '../kratos/embedded/index.js'
export type { Clock, EmbeddedKratos, EmbeddedKratosOptions } from '../kratos/embedded/index.js'
