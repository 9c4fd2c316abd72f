/** A process that opens the database its argument names, migrates it as a service does, and goes. */
import { openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'

const database = openDatabase(process.argv[2] ?? '')
await database.migrate('nova', NOVA_MIGRATIONS)
await database.close()
