/** Lets every host through. */
import { are, type Filter } from './filter.ts'

export const allHosts: Filter = {
  name: 'AllHostsFilter',
  judge: () => undefined,
  tell: (count) => `${are(count)} refused`,
}
