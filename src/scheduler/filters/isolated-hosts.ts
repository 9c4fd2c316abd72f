/** Hosts that are set aside for some images, and the images that run nowhere else. */
import { are, type Filter } from './filter.ts'

export const isolatedHosts: Filter = {
  name: 'IsolatedHostsFilter',
  judge({ spec, config }) {
    const isImageIsolated = typeof spec.imageId === 'string' && config.isolatedImages.includes(spec.imageId)
    const isRestricted = config.restrictIsolatedHostsToIsolatedImages
    if (!isImageIsolated && !isRestricted) return undefined
    const isolated = new Set(config.isolatedHosts)
    return ({ node }) => {
      if (isolated.has(node.host) === isImageIsolated) return undefined
      return isImageIsolated ? 'is not set aside for the image' : 'is set aside for other images'
    }
  },
  tell: (count) => `${are(count)} not for this image`,
}
