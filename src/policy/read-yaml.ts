/** YAML, in a module of its own: read only where there is a policy file, and by name in a bundle too. */
export { parse, YAMLError } from 'yaml'
