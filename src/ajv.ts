import { Ajv, type Options } from 'ajv'

/**
 * For the schemas of this repository, which Ajv's strict mode and the tests look at: to compile the schema of schemas,
 * and to check each by it, took more of the start than they did themselves.
 */
export const createAjv = (options: Options): Ajv => new Ajv({ ...options, meta: false, validateSchema: false })
