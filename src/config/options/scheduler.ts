/** Options of the scheduler. */
import { group } from '../declaration.ts'

export const scheduler = group('scheduler', {
  max_attempts: { type: 'int', default: 3, min: 1, help: 'Tries to place a server.' },
  discover_hosts_in_cells_interval: {
    type: 'int',
    default: -1,
    min: -1,
    help: 'Seconds between host discovery.',
  },
  max_placement_results: { type: 'int', default: 1000, min: 1, help: 'Limit of candidates asked.' },
  workers: { type: 'int', default: null, min: 0, help: 'Scheduler worker count.' },
  limit_tenants_to_placement_aggregate: {
    type: 'bool',
    default: false,
    help: 'Tie projects to host groups.',
  },
  placement_aggregate_required_for_tenants: {
    type: 'bool',
    default: false,
    help: 'Refuse projects without host group.',
  },
  query_placement_for_image_type_support: {
    type: 'bool',
    default: false,
    help: 'Pick hosts that can read the image.',
  },
  enable_isolated_aggregate_filtering: {
    type: 'bool',
    default: false,
    help: 'Keep marked aggregates apart.',
  },
  image_metadata_prefilter: { type: 'bool', default: false, help: 'Pick hosts by image properties.' },
})

export const filterScheduler = group('filter_scheduler', {
  host_subset_size: { type: 'int', default: 1, min: 1, help: 'Pick at random among the best N.' },
  max_io_ops_per_host: { type: 'int', default: 8, min: 0, help: 'Busy-host limit.' },
  max_instances_per_host: { type: 'int', default: 50, min: 1, help: 'Server limit per host.' },
  track_instance_changes: { type: 'bool', default: true, help: 'Tell scheduler of server changes.' },
  available_filters: {
    type: 'multi',
    default: ['nova.scheduler.filters.all_filters'],
    help: 'Filter classes that may be used.',
  },
  image_properties_default_architecture: {
    type: 'string',
    default: null,
    help: 'Architecture of images that name none.',
  },
  isolated_images: { type: 'list', default: [], help: 'Images kept to some hosts (IsolatedHostsFilter).' },
  isolated_hosts: { type: 'list', default: [], help: 'Hosts kept for some images (IsolatedHostsFilter).' },
  restrict_isolated_hosts_to_isolated_images: {
    type: 'bool',
    default: true,
    help: 'Only those images on those hosts.',
  },
  aggregate_image_properties_isolation_namespace: {
    type: 'string',
    default: null,
    help: 'Only image properties that begin so are compared with aggregates (AggregateImagePropertiesIsolation).',
  },
  aggregate_image_properties_isolation_separator: {
    type: 'string',
    default: '.',
    help: 'What follows the namespace in the name of an image property.',
  },
  enabled_filters: {
    type: 'list',
    default: [
      'ComputeFilter',
      'ComputeCapabilitiesFilter',
      'ImagePropertiesFilter',
      'ServerGroupAntiAffinityFilter',
      'ServerGroupAffinityFilter',
    ],
    help: 'Filters in use.',
  },
  weight_classes: {
    type: 'list',
    default: ['nova.scheduler.weights.all_weighers'],
    help: 'Weigher classes in use.',
  },
  ram_weight_multiplier: { type: 'float', default: 1, help: 'Weight of free memory.' },
  cpu_weight_multiplier: { type: 'float', default: 1, help: 'Weight of free CPU.' },
  disk_weight_multiplier: { type: 'float', default: 1, help: 'Weight of free disk.' },
  io_ops_weight_multiplier: {
    type: 'float',
    default: -1,
    help: 'Weight of busy hosts: negative, calm ones are preferred.',
  },
  num_instances_weight_multiplier: {
    type: 'float',
    default: 0,
    help: 'Weight of hosts that hold many servers: positive packs, negative spreads.',
  },
  hypervisor_version_weight_multiplier: {
    type: 'float',
    default: 1,
    help: 'Weight of newer hypervisors.',
  },
  cross_cell_move_weight_multiplier: {
    type: 'float',
    default: 1000000,
    help: 'Weight of the cell that a server moves out of; with one cell it makes no difference.',
  },
  image_props_weight_multiplier: {
    type: 'float',
    default: 0,
    help: 'Weight of hosts whose servers have images alike: positive packs, negative spreads. Unless it is 0, each request reads what the proposed hosts hold.',
  },
  image_props_weight_setting: {
    type: 'list',
    default: [],
    help: 'What each image property counts, as name=ratio; those that are not listed, nothing. All count 1 when none is listed.',
  },
  soft_affinity_weight_multiplier: { type: 'float', default: 1, help: 'Weight of soft group affinity.' },
  soft_anti_affinity_weight_multiplier: {
    type: 'float',
    default: 1,
    help: 'Weight of soft group apartness.',
  },
  build_failure_weight_multiplier: { type: 'float', default: 1000000, help: 'Weight of recent failures.' },
  shuffle_best_same_weighed_hosts: { type: 'bool', default: false, help: 'Shuffle hosts of equal weight.' },
  pci_in_placement: { type: 'bool', default: false, help: 'Schedule PCI through placement.' },
})
