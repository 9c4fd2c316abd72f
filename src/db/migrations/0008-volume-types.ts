/** A disk that is to become a volume says of which type (2.67). */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export const volumeTypes: Migration = {
  version: 8,
  name: 'volume types',
  up: (db, dialect) =>
    createAll(db, [`alter table block_device_mapping add column volume_type ${columnTypes(dialect).text}`]),
}
