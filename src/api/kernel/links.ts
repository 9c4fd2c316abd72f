/** Links in answers: `self` with the version in it, `bookmark` without, and `next` of a page. */

export interface Link {
  readonly rel: string
  readonly href: string
}

export interface Links {
  /** `http://host/v2.1`, with the project when the request named it. */
  readonly selfBase: string
  readonly bookmarkBase: string
  /** `self` and `bookmark` of a thing. */
  of(collection: string, id: string): readonly Link[]
  self(collection: string, id: string): string
  /** The link to the next page: this request again, after `marker`. */
  next(collection: string, marker: string): readonly Link[]
}

export interface LinkParts {
  /** `http://host:8774`. */
  readonly root: string
  /** `v2.1` or `v2`. */
  readonly version: string
  /** The project, when the request's path named it. */
  readonly project: string | undefined
  /** The request's query string, without `?`. */
  readonly query: string
}

export function linksOf({ root, version, project, query }: LinkParts): Links {
  const tail = project === undefined ? '' : `/${project}`
  const selfBase = `${root}/${version}${tail}`
  const bookmarkBase = `${root}${tail}`
  return {
    selfBase,
    bookmarkBase,
    self: (collection, id) => `${selfBase}/${collection}/${id}`,
    of: (collection, id) => [
      { rel: 'self', href: `${selfBase}/${collection}/${id}` },
      { rel: 'bookmark', href: `${bookmarkBase}/${collection}/${id}` },
    ],
    next(collection, marker) {
      const parameters = new URLSearchParams(query)
      parameters.sort()
      parameters.set('marker', marker)
      return [{ rel: 'next', href: `${selfBase}/${collection}?${parameters.toString()}` }]
    },
  }
}
