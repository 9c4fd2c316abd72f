/**
 * The standard resource classes and traits: data in the tree, taken from os-resource-classes and
 * os-traits. They are known without a row in the database; only custom ones are stored.
 */
import classes from './standard-resource-classes.data.json' with { type: 'json' }
import traits from './standard-traits.data.json' with { type: 'json' }

/** In the order of os-resource-classes, which is the order they are listed in. */
export const STANDARD_RESOURCE_CLASSES: readonly string[] = classes.resourceClasses
export const STANDARD_TRAITS: readonly string[] = traits.traits

const CLASS_SET: ReadonlySet<string> = new Set(STANDARD_RESOURCE_CLASSES)
const TRAIT_SET: ReadonlySet<string> = new Set(STANDARD_TRAITS)

export const isStandardResourceClass = (name: string): boolean => CLASS_SET.has(name)
export const isStandardTrait = (name: string): boolean => TRAIT_SET.has(name)

/** The trait of a provider whose inventory serves every tree that shares an aggregate with it. */
export const SHARES_VIA_AGGREGATE = 'MISC_SHARES_VIA_AGGREGATE'
