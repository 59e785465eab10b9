/**
 * The shapes that the API gives, under short names. Made from the OpenAPI document (`ui/types/api.d.ts`); nothing runs here.
 *
 * @typedef {import('../../types/api').components['schemas']} Schemas
 * @typedef {import('../../types/api').operations} Operations
 * @typedef {keyof Operations} OperationId
 *
 * @typedef {Schemas['Package']} Package
 * @typedef {Schemas['Revision']} Revision
 * @typedef {Schemas['Replication']} Replication
 * @typedef {Schemas['Holder']} Holder
 * @typedef {Schemas['Record']} Happening
 * @typedef {Schemas['Node']} NodeFacts
 * @typedef {Schemas['MeshNode']} MeshNode
 * @typedef {Schemas['MissingPackage']} MissingPackage
 * @typedef {Schemas['Transfer']} Transfer
 * @typedef {Schemas['Upload']} Upload
 * @typedef {Schemas['Identity']} Identity
 * @typedef {Schemas['Session']} Session
 * @typedef {Schemas['Scrub']} Scrub
 * @typedef {Schemas['StorageUsage']} StorageUsage
 * @typedef {Schemas['SignInRequest']} SignInRequest
 *
 * @typedef {'none' | 'read' | 'publish' | 'admin'} Scope
 */

/**
 * What an operation answers with: the body of its first success that has one.
 *
 * @template {OperationId} K
 * @typedef {JsonOf<Operations[K]['responses']>} Answer
 */

/**
 * @template R
 * @typedef {R extends {200: {content: {'application/json': infer B}}} ? B
 *   : R extends {201: {content: {'application/json': infer B}}} ? B
 *   : R extends {202: {content: {'application/json': infer B}}} ? B : any} JsonOf
 */

export {};
