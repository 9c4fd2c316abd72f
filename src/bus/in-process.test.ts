/** The in-process bus keeps the bus contract. */
import { busContract } from '../../test/contract/bus.ts'
import { createInProcessBus } from './in-process.ts'

busContract('in-process bus', async () => createInProcessBus())
