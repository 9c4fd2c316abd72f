/** Volumes as attached to servers. */
import { type Rule, rule } from '../rule.ts'

export const volumesRules: readonly Rule[] = [
  rule('os_compute_api:os-assisted-volume-snapshots:create', 'rule:service_or_admin', [
    'POST /os-assisted-volume-snapshots',
  ]),
  rule('os_compute_api:os-assisted-volume-snapshots:delete', 'rule:service_or_admin', [
    'DELETE /os-assisted-volume-snapshots/{snapshot_id}',
  ]),
  rule('os_compute_api:os-volumes:list', 'rule:project_reader_or_admin', ['GET /os-volumes']),
  rule('os_compute_api:os-volumes:create', 'rule:project_member_or_admin', ['POST /os-volumes']),
  rule('os_compute_api:os-volumes:detail', 'rule:project_reader_or_admin', ['GET /os-volumes/detail']),
  rule('os_compute_api:os-volumes:show', 'rule:project_reader_or_admin', ['GET /os-volumes/{volume_id}']),
  rule('os_compute_api:os-volumes:delete', 'rule:project_member_or_admin', [
    'DELETE /os-volumes/{volume_id}',
  ]),
  rule('os_compute_api:os-volumes:snapshots:list', 'rule:project_reader_or_admin', ['GET /os-snapshots']),
  rule('os_compute_api:os-volumes:snapshots:create', 'rule:project_member_or_admin', ['POST /os-snapshots']),
  rule('os_compute_api:os-volumes:snapshots:detail', 'rule:project_reader_or_admin', [
    'GET /os-snapshots/detail',
  ]),
  rule('os_compute_api:os-volumes:snapshots:show', 'rule:project_reader_or_admin', [
    'GET /os-snapshots/{snapshot_id}',
  ]),
  rule('os_compute_api:os-volumes:snapshots:delete', 'rule:project_member_or_admin', [
    'DELETE /os-snapshots/{snapshot_id}',
  ]),
  rule('os_compute_api:os-volumes-attachments:index', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-volume_attachments',
  ]),
  rule('os_compute_api:os-volumes-attachments:create', 'rule:project_member_or_admin', [
    'POST /servers/{server_id}/os-volume_attachments',
  ]),
  rule('os_compute_api:os-volumes-attachments:show', 'rule:project_reader_or_admin', [
    'GET /servers/{server_id}/os-volume_attachments/{volume_id}',
  ]),
  rule('os_compute_api:os-volumes-attachments:update', 'rule:project_member_or_admin', [
    'PUT /servers/{server_id}/os-volume_attachments/{volume_id}',
  ]),
  rule('os_compute_api:os-volumes-attachments:swap', 'rule:service_or_admin', [
    'PUT /servers/{server_id}/os-volume_attachments/{volume_id}',
  ]),
  rule('os_compute_api:os-volumes-attachments:delete', 'rule:project_member_or_admin', [
    'DELETE /servers/{server_id}/os-volume_attachments/{volume_id}',
  ]),
]
