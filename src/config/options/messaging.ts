/** Options of what services say to one another and to the world. */
import { group } from '../declaration.ts'

export const conductor = group('conductor', {
  workers: { type: 'int', default: null, help: 'Conductor worker count.' },
})

export const notifications = group('notifications', {
  notify_on_state_change: {
    type: 'string',
    default: null,
    choices: ['vm_state', 'vm_and_task_state'],
    deprecatedNames: ['DEFAULT.notify_on_state_change'],
    help: 'Which state changes are sent.',
  },
  notification_format: {
    type: 'string',
    default: 'unversioned',
    choices: ['both', 'versioned', 'unversioned'],
    deprecatedNames: ['DEFAULT.notification_format'],
    help: 'Old, new or both formats.',
  },
  versioned_notifications_topics: {
    type: 'list',
    default: ['versioned_notifications'],
    help: 'Topics of new format.',
  },
  bdms_in_notifications: { type: 'bool', default: false, help: 'Include disks in payloads.' },
})

export const osloMessagingNotifications = group('oslo_messaging_notifications', {
  driver: { type: 'multi', default: [], help: 'How notifications are sent.' },
  topics: { type: 'list', default: ['notifications'], help: 'Topics for legacy notifications.' },
})

export const osloMessagingRabbit = group('oslo_messaging_rabbit', {
  ssl: { type: 'bool', default: false, help: 'Speak TLS with the message broker.' },
  ssl_ca_file: {
    type: 'string',
    default: null,
    help: "Certificates of the authorities to believe. Without it, the system's.",
  },
  ssl_cert_file: { type: 'string', default: null, help: 'Our certificate, where the broker wants one.' },
  ssl_key_file: { type: 'string', default: null, help: "Our certificate's key." },
  heartbeat_timeout_threshold: {
    type: 'int',
    default: 20,
    min: 0,
    help: 'Seconds of silence after which a connection to the broker is given up; 0: never.',
  },
})

export const osloConcurrency = group('oslo_concurrency', {
  lock_path: { type: 'string', default: null, help: 'Folder of lock files.' },
  disable_process_locking: { type: 'bool', default: false, help: 'Turn off process locks.' },
})
