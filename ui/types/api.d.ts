// Made from the OpenAPI document by tools/document.js.
// The document's shape: b54f8c18272fd008cb203bd3308e118fb1c22e25a3c0593fab651e549fc5a6fe

export interface paths {
    "/api/v1/anchors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_package_anchors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["change_packages"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["follow_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invites": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_invites"];
        put?: never;
        post: operations["create_invite"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invites/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["revoke_invite"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mesh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_mesh"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mesh/{id}/missing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_missing"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_node"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["edit_node"];
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_document"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/packages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_packages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/packages/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_package"];
        put: operations["publish_package"];
        post?: never;
        delete: operations["remove_package"];
        options?: never;
        head?: never;
        patch: operations["edit_package"];
        trace?: never;
    };
    "/api/v1/peers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_peers"];
        put?: never;
        post: operations["join_peer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/peers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_peer"];
        put?: never;
        post?: never;
        delete: operations["remove_peer"];
        options?: never;
        head?: never;
        patch: operations["edit_peer"];
        trace?: never;
    };
    "/api/v1/peers/{id}/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["sync_peer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replication/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_replication"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["restore_revision"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/revisions/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_revisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roster": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_roster"];
        put?: never;
        post: operations["admit_node"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roster/{id}/expel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["expel_node"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_session"];
        put?: never;
        post: operations["sign_in"];
        delete: operations["sign_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["change_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["end_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/set-up-link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["create_set_up_link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_settings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["edit_settings"];
        trace?: never;
    };
    "/api/v1/storage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_storage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/gc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["collect_garbage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/scrub": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_scrub"];
        put?: never;
        post: operations["start_scrub"];
        delete: operations["stop_scrub"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/snapshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["get_snapshot"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/trend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_storage_trend"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_tokens"];
        put?: never;
        post: operations["create_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["revoke_token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/transfers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_transfers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/transfers/recent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_recent_transfers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_uploads"];
        put?: never;
        post: operations["begin_upload"];
        delete?: never;
        options: operations["discover_uploads"];
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_upload"];
        put?: never;
        post: operations["override_method"];
        delete: operations["remove_upload"];
        options?: never;
        head: operations["tell_offset"];
        patch: operations["send_bytes"];
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_users"];
        put?: never;
        post: operations["create_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_user"];
        put?: never;
        post?: never;
        delete: operations["remove_user"];
        options?: never;
        head?: never;
        patch: operations["edit_user"];
        trace?: never;
    };
    "/api/v1/watches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_watches"];
        put?: never;
        post: operations["create_watch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/watches/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_watch"];
        put?: never;
        post?: never;
        delete: operations["remove_watch"];
        options?: never;
        head?: never;
        patch: operations["edit_watch"];
        trace?: never;
    };
    "/api/v1/watches/{id}/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["confirm_watch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/watches/{id}/scan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["scan_watch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_webhooks"];
        put?: never;
        post: operations["create_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_webhook"];
        put?: never;
        post?: never;
        delete: operations["remove_webhook"];
        options?: never;
        head?: never;
        patch: operations["edit_webhook"];
        trace?: never;
    };
    "/api/v1/webhooks/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_deliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/deliveries/{delivery}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_delivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["redeliver"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["redeliver_since"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["rotate_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/skip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["skip_delivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["test_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Admit: {
            at: string;
            by: string;
            counts: boolean;
            name: string | null;
            node: string;
            prefixes: string[];
            role: string;
            statement: string;
        };
        AdmitRequest: {
            node: string;
            prefixes?: string[];
            role: components["schemas"]["Role"];
        };
        AnchorsView: {
            every: number;
            items: string[];
            sort: string;
            total: number;
        };
        AuditEntry: {
            action: string;
            after: {
                [key: string]: unknown;
            };
            at: string;
            before: {
                [key: string]: unknown;
            };
            from: string | null;
            lsn: number;
            subject: string;
            who: string;
        };
        Author: {
            by: string;
            name: string | null;
            node: string;
        };
        Behind: {
            bytes: number | null;
            events: number | null;
        };
        /** @enum {string} */
        BulkAction: "remove" | "tag";
        BulkItem: {
            if_match?: string | null;
            path: string;
        };
        BulkRequest: {
            action: components["schemas"]["BulkAction"];
            add_tags?: string[];
            items: components["schemas"]["BulkItem"][];
            remove_tags?: string[];
        };
        BulkResult: {
            changed: boolean;
            code: string | null;
            detail: string | null;
            path: string;
            revision: string | null;
            status: number;
        };
        BulkView: {
            done: number;
            failed: number;
            items: components["schemas"]["BulkResult"][];
        };
        Certificate: {
            expires_at: string | null;
            sha256: string;
        };
        ConfirmRequest: {
            missing_digest: string;
        };
        /** @enum {string} */
        Day: "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";
        Delivery: {
            at: string;
            attempts: components["schemas"]["DeliveryAttempt"][];
            body: string;
            id: string;
            lsn: number;
            state: string;
            tries: number;
            type: string;
        };
        DeliveryAttempt: {
            answer: string;
            at: string;
            error: string | null;
            manual: boolean;
            status: number | null;
            took_ms: number;
        };
        Expel: {
            at: string;
            by: string;
            name: string | null;
            node: string;
            statement: string;
        };
        Expulsion: components["schemas"]["Member"] & {
            only_there: components["schemas"]["OnlyThere"];
        };
        FailingDelivery: {
            attempts: number;
            delivery: string;
            error: string;
            next_attempt_at: string;
            since: string;
        };
        Files: {
            bytes: number;
            files: number;
        };
        Gc: {
            blobs: number;
            bytes: number;
            dry_run: boolean;
            failed: components["schemas"]["GcFailed"];
            items: components["schemas"]["GcItem"][];
            kept: components["schemas"]["Kept"];
            orphans: components["schemas"]["Files"];
            truncated: boolean;
        };
        GcFailed: {
            count: number;
            first: string | null;
        };
        GcItem: {
            blob: string;
            path: string | null;
            reason: string;
            revision: string | null;
            revisions: number;
            size: number;
        };
        GcRequest: {
            dry_run?: boolean;
            removed?: boolean;
        };
        Holder: {
            bytes_missing: number | null;
            eta_s: number | null;
            name: string | null;
            node: string;
            reason: string;
            state: string;
        };
        Identity: {
            id: string;
            kind: string;
            name: string;
            prefixes: string[];
            scope: string;
            session: components["schemas"]["Session"] | null;
        };
        Invite: {
            created_at: string;
            etag: string;
            expires_at: string;
            id: string;
            invite: string | null;
            prefixes: string[];
            redeemed_by: string | null;
            role: string;
            state: string;
        };
        InviteRequest: {
            expires_in_s?: number;
            prefixes?: string[];
            role: components["schemas"]["Role"];
        };
        JoinRequest: {
            invite: string;
        };
        Kept: {
            live: number;
            retained: number;
            young: number;
        };
        LastGc: {
            at: string;
            blobs: number;
            bytes: number;
        };
        LeftPackages: {
            count: number;
            paths: string[];
        };
        LimitWindow: {
            days?: components["schemas"]["Day"][];
            down_bytes_per_s?: number | null;
            from: string;
            to: string;
            up_bytes_per_s?: number | null;
        };
        Limits: {
            down_bytes_per_s?: number | null;
            time_zone?: string | null;
            up_bytes_per_s?: number | null;
            windows?: components["schemas"]["LimitWindow"][];
        };
        Link: {
            behind_events: number;
            clock_ahead_ms: number | null;
            name: string | null;
            node: string;
            rtt_ms: number | null;
            state: string;
        };
        Listener: {
            address: string;
            certificate: components["schemas"]["Certificate"] | null;
            surfaces: string[];
            tls: string;
        };
        Member: {
            admitted_by: components["schemas"]["Admit"][];
            expelled_by: components["schemas"]["Expel"][];
            is_root: boolean;
            is_self: boolean;
            name: string | null;
            node: string;
            prefixes: string[];
            role: string | null;
            standing: string;
        };
        MeshNode: {
            as_of: string | null;
            behind: components["schemas"]["Behind"];
            catalog_digest: string | null;
            clock_ahead_ms: number | null;
            eta_s: number | null;
            id: string;
            links: components["schemas"]["Link"][];
            log: components["schemas"]["NodeLog"] | null;
            name: string | null;
            policy: string | null;
            rate_bytes_per_s: number | null;
            role: string;
            started_at: string | null;
            state: string;
            storage: components["schemas"]["NodeStorage"] | null;
            this: boolean;
            urls: string[];
            version: string | null;
            wants: number | null;
        };
        Missing: {
            as_of: string | null;
            complete: boolean;
            items: components["schemas"]["MissingPackage"][];
            name: string | null;
            next: string | null;
            node: string;
            reason: string | null;
            state: string;
            total: number | null;
        };
        MissingPackage: {
            bytes_missing: number | null;
            eta_s: number | null;
            path: string;
            published_at: string;
            reason: string;
            revision: string;
            size: number;
            state: string;
            version: string | null;
        };
        NewToken: components["schemas"]["Token"] & {
            token: string;
        };
        NewWebhook: components["schemas"]["Webhook"] & {
            secret: string;
        };
        Node: {
            catalog_digest: string;
            etag: string;
            id: string;
            limits: components["schemas"]["Limits"];
            listeners: components["schemas"]["Listener"][];
            log: components["schemas"]["NodeLog"];
            name: string;
            packages: number;
            policy: components["schemas"]["Policy"];
            role: string | null;
            root: string;
            roster_digest: string;
            storage: components["schemas"]["NodeStorage"];
            urls: string[];
            vector: {
                [key: string]: number;
            };
            version: string;
            wants: components["schemas"]["NodeWants"];
        };
        NodeLog: {
            events: number;
            head: number;
            id: string;
        };
        NodePatch: {
            limits?: components["schemas"]["Limits"] | null;
            name?: string | null;
            policy?: components["schemas"]["Policy"] | null;
            urls?: string[] | null;
        };
        NodeStorage: {
            blobs: number;
            bytes: number;
            free: number;
        };
        NodeWants: {
            bytes: number;
            count: number;
        };
        OnlyThere: {
            bytes: number;
            packages: number;
            paths: string[];
        };
        Package: {
            blob: string;
            conflict: boolean;
            identifier: string | null;
            kind: string;
            notes: string | null;
            other?: {
                [key: string]: string;
            };
            path: string;
            priority: number | null;
            published_at: string;
            published_by: components["schemas"]["Author"];
            replicas?: components["schemas"]["Replicas"] | null;
            revision: string;
            sha256: string;
            size: number;
            state: string;
            tags: string[];
            title: string | null;
            url: string;
            version: string | null;
        };
        PackagePatch: {
            identifier?: string | null;
            notes?: string | null;
            priority?: number | null;
            tags?: string[] | null;
            title?: string | null;
            version?: string | null;
        };
        Page_AuditEntry: {
            items: {
                action: string;
                after: {
                    [key: string]: unknown;
                };
                at: string;
                before: {
                    [key: string]: unknown;
                };
                from: string | null;
                lsn: number;
                subject: string;
                who: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Delivery: {
            items: {
                at: string;
                attempts: components["schemas"]["DeliveryAttempt"][];
                body: string;
                id: string;
                lsn: number;
                state: string;
                tries: number;
                type: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Invite: {
            items: {
                created_at: string;
                etag: string;
                expires_at: string;
                id: string;
                invite: string | null;
                prefixes: string[];
                redeemed_by: string | null;
                role: string;
                state: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_MeshNode: {
            items: {
                as_of: string | null;
                behind: components["schemas"]["Behind"];
                catalog_digest: string | null;
                clock_ahead_ms: number | null;
                eta_s: number | null;
                id: string;
                links: components["schemas"]["Link"][];
                log: components["schemas"]["NodeLog"] | null;
                name: string | null;
                policy: string | null;
                rate_bytes_per_s: number | null;
                role: string;
                started_at: string | null;
                state: string;
                storage: components["schemas"]["NodeStorage"] | null;
                this: boolean;
                urls: string[];
                version: string | null;
                wants: number | null;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Package: {
            items: {
                blob: string;
                conflict: boolean;
                identifier: string | null;
                kind: string;
                notes: string | null;
                other?: {
                    [key: string]: string;
                };
                path: string;
                priority: number | null;
                published_at: string;
                published_by: components["schemas"]["Author"];
                replicas?: components["schemas"]["Replicas"] | null;
                revision: string;
                sha256: string;
                size: number;
                state: string;
                tags: string[];
                title: string | null;
                url: string;
                version: string | null;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_PastTransfer: {
            items: {
                began_at: string;
                blob: string;
                bytes: number;
                client: string | null;
                direction: string;
                ended_at: string;
                path: string | null;
                peer: string | null;
                rate_bytes_per_s: number | null;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Peer: {
            items: {
                added_at: string;
                behind: components["schemas"]["Behind"] | null;
                error: string | null;
                etag: string;
                id: string;
                last_seen: string | null;
                limits: components["schemas"]["Limits"];
                name: string;
                observed_url: string | null;
                paused: boolean;
                role: string | null;
                state: string;
                tls_pin: string | null;
                urls: string[];
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Revision: {
            items: {
                blob: string | null;
                bytes_held: boolean | null;
                change: string;
                current: boolean;
                effective: boolean;
                head: boolean;
                identifier: string | null;
                notes: string | null;
                priority: number | null;
                published_at: string;
                published_by: components["schemas"]["Author"];
                revision: string;
                sha256: string | null;
                size: number | null;
                tags: string[];
                title: string | null;
                version: string | null;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Session: {
            items: {
                agent: string;
                current: boolean;
                expires_at: string;
                from: string;
                id: string;
                kind: string;
                last_used_at: string;
                name: string;
                scope: string;
                started_at: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Token: {
            items: {
                created_at: string;
                etag: string;
                expires_at: string | null;
                id: string;
                last_used_at: string | null;
                name: string;
                prefixes: string[];
                scope: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Transfer: {
            items: {
                blob: string;
                bytes: components["schemas"]["TransferBytes"];
                client: string | null;
                direction: string;
                eta_s: number | null;
                path: string | null;
                peer: string | null;
                rate_bytes_per_s: number | null;
                reason: string | null;
                sources: string[];
                state: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Upload: {
            items: {
                blake3: string | null;
                by: string;
                changed: boolean | null;
                created: boolean | null;
                created_at: string;
                error: components["schemas"]["UploadRefusal"] | null;
                expires_at: string;
                guarded: boolean;
                id: string;
                length: number;
                metadata: {
                    [key: string]: string;
                };
                offset: number;
                package: components["schemas"]["Package"] | null;
                path: string;
                revision: string | null;
                state: string;
                touched_at: string;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_UsageNote: {
            items: {
                at: string;
                blobs: components["schemas"]["Tally"];
                database_bytes: number;
                free_bytes: number;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_User: {
            items: {
                created_at: string;
                disabled: boolean;
                id: string;
                last_sign_in_at: string | null;
                name: string;
                prefixes: string[];
                scope: string;
                version: number;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Watch: {
            items: {
                created_at: string | null;
                created_by: string | null;
                enabled: boolean;
                files: number;
                folder: string;
                id: string;
                last_scan_at: string | null;
                left: components["schemas"]["LeftPackages"] | null;
                mode: string;
                pause: components["schemas"]["WatchPause"] | null;
                place: string | null;
                prefix: string;
                reason: string | null;
                refused: components["schemas"]["RefusedFile"][];
                rescan_s: number;
                settle_s: number;
                settling: components["schemas"]["SettlingFile"][];
                source: string;
                state: string;
                superseded: string[];
                tags: string[];
                taken: components["schemas"]["TakenFile"][];
                version: number | null;
            }[];
            next: string | null;
            total: number | null;
        };
        Page_Webhook: {
            items: {
                allow_private: boolean;
                behind: number;
                behind_more: boolean;
                created_at: string;
                created_by: string;
                cursor: number;
                delivered_at: string | null;
                disabled_at: string | null;
                disabled_reason: string | null;
                enabled: boolean;
                etag: string;
                failing: components["schemas"]["FailingDelivery"] | null;
                id: string;
                name: string;
                old_secret_until: string | null;
                paths: string[];
                tags: string[];
                types: string[];
                url: string;
            }[];
            next: string | null;
            total: number | null;
        };
        PasswordRequest: {
            new: string;
            present: string;
        };
        PastTransfer: {
            began_at: string;
            blob: string;
            bytes: number;
            client: string | null;
            direction: string;
            ended_at: string;
            path: string | null;
            peer: string | null;
            rate_bytes_per_s: number | null;
        };
        Peer: {
            added_at: string;
            behind: components["schemas"]["Behind"] | null;
            error: string | null;
            etag: string;
            id: string;
            last_seen: string | null;
            limits: components["schemas"]["Limits"];
            name: string;
            observed_url: string | null;
            paused: boolean;
            role: string | null;
            state: string;
            tls_pin: string | null;
            urls: string[];
        };
        PeerPatch: {
            limits?: components["schemas"]["Limits"] | null;
            name?: string | null;
            paused?: boolean | null;
            urls?: string[] | null;
        };
        Policy: {
            bytes_max?: number | null;
            mode: components["schemas"]["PolicyMode"];
            paths?: string[];
            tags?: string[];
        };
        /** @enum {string} */
        PolicyMode: "all" | "selected" | "on-demand";
        Problem: Record<string, never> & {
            code: string;
            detail: string;
            request_id: string | null;
            status: number;
            title: string;
            type: string;
        };
        Progress: {
            done: number;
            total: number;
        };
        Published: {
            changed: boolean;
            package: components["schemas"]["Package"];
        };
        Record: {
            at: string;
            backfill: boolean;
            data: Record<string, never>;
            lsn: number;
            type: string;
        };
        Records: {
            cursor: number;
            items: components["schemas"]["Record"][];
            next: string | null;
            pruned: boolean;
            total: number | null;
        };
        RedeliverRequest: {
            delivered?: boolean;
            since: string;
        };
        Redelivery: {
            queued: number;
        };
        RefusedFile: {
            code: string;
            file: string;
            reason: string;
        };
        Replicas: {
            have: number;
            of: number;
        };
        Replication: {
            complete: boolean;
            items: components["schemas"]["Holder"][];
            next: string | null;
            revision: string;
        };
        RestoreRequest: {
            path: string;
            revision: string;
        };
        Revision: {
            blob: string | null;
            bytes_held: boolean | null;
            change: string;
            current: boolean;
            effective: boolean;
            head: boolean;
            identifier: string | null;
            notes: string | null;
            priority: number | null;
            published_at: string;
            published_by: components["schemas"]["Author"];
            revision: string;
            sha256: string | null;
            size: number | null;
            tags: string[];
            title: string | null;
            version: string | null;
        };
        /** @enum {string} */
        Role: "owner" | "publisher" | "replica";
        Roster: {
            digest: string;
            items: components["schemas"]["Member"][];
            next: string | null;
            owners: string[];
            root: string;
            statements: number;
            total: number;
            warnings: components["schemas"]["RosterWarning"][];
        };
        RosterWarning: {
            code: string;
            detail: string;
        };
        RotateRequest: {
            keep_old_for_s?: number | null;
        };
        /** @enum {string} */
        Scope: "read" | "publish" | "admin";
        Scrub: components["schemas"]["ScrubFindings"] & {
            blobs: components["schemas"]["Progress"];
            by: string | null;
            bytes: components["schemas"]["Progress"];
            finished_at: string | null;
            rate_bytes_per_s: number;
            reason: string | null;
            started_at: string | null;
            state: string;
            stopped: boolean;
        };
        ScrubFindings: {
            damaged: number;
            mended: number;
            outlines_mended: number;
            sha256_lies: number;
            unreadable: number;
        };
        Session: {
            agent: string;
            current: boolean;
            expires_at: string;
            from: string;
            id: string;
            kind: string;
            last_used_at: string;
            name: string;
            scope: string;
            started_at: string;
        };
        SetUpLink: {
            expires_at: string;
            link: string;
            secret: string;
        };
        Setting: {
            change: string;
            default: unknown;
            key: string;
            maximum: number | null;
            meaning: string;
            minimum: number | null;
            place: string;
            restart_needed: boolean;
            source: string;
            stored: unknown;
            type: string;
            value: unknown;
        };
        Settings: {
            items: components["schemas"]["Setting"][];
            restart_needed: boolean;
            version: number;
        };
        SettingsPatch: {
            [key: string]: unknown;
        };
        SettlingFile: {
            bytes: number;
            file: string;
        };
        SignInRequest: {
            name?: string | null;
            password?: string | null;
            set_up?: string | null;
            token?: string | null;
        };
        SkipRequest: {
            all?: boolean;
            delivery?: string | null;
        };
        StorageUsage: {
            blobs: components["schemas"]["Tally"];
            collectable: components["schemas"]["Tally"];
            counted_at: string;
            database_bytes: number;
            free_bytes: number;
            incoming: components["schemas"]["Files"];
            last_gc: components["schemas"]["LastGc"] | null;
            live: components["schemas"]["Tally"];
            orphans: components["schemas"]["Files"];
            policy: components["schemas"]["Policy"];
            retained: components["schemas"]["Tally"];
            unkept: components["schemas"]["Unkept"];
            young: components["schemas"]["Tally"];
        };
        Sync: {
            events: number;
        };
        TakenFile: {
            at: string;
            file: string;
            path: string;
            revision: string;
        };
        Tally: {
            bytes: number;
            count: number;
        };
        Token: {
            created_at: string;
            etag: string;
            expires_at: string | null;
            id: string;
            last_used_at: string | null;
            name: string;
            prefixes: string[];
            scope: string;
        };
        TokenRequest: {
            expires_at?: string | null;
            name: string;
            prefixes?: string[];
            scope: components["schemas"]["Scope"];
        };
        Transfer: {
            blob: string;
            bytes: components["schemas"]["TransferBytes"];
            client: string | null;
            direction: string;
            eta_s: number | null;
            path: string | null;
            peer: string | null;
            rate_bytes_per_s: number | null;
            reason: string | null;
            sources: string[];
            state: string;
        };
        TransferBytes: {
            done: number;
            total: number;
        };
        Unkept: {
            gone: components["schemas"]["Tally"];
            held: components["schemas"]["Tally"];
            held_back: components["schemas"]["Tally"];
        };
        Upload: {
            blake3: string | null;
            by: string;
            changed: boolean | null;
            created: boolean | null;
            created_at: string;
            error: components["schemas"]["UploadRefusal"] | null;
            expires_at: string;
            guarded: boolean;
            id: string;
            length: number;
            metadata: {
                [key: string]: string;
            };
            offset: number;
            package: components["schemas"]["Package"] | null;
            path: string;
            revision: string | null;
            state: string;
            touched_at: string;
        };
        UploadRefusal: {
            code: string;
            detail: string;
        };
        UsageNote: {
            at: string;
            blobs: components["schemas"]["Tally"];
            database_bytes: number;
            free_bytes: number;
        };
        User: {
            created_at: string;
            disabled: boolean;
            id: string;
            last_sign_in_at: string | null;
            name: string;
            prefixes: string[];
            scope: string;
            version: number;
        };
        UserPatchRequest: {
            disabled?: boolean | null;
            name?: string | null;
            password?: string | null;
            prefixes?: string[] | null;
            scope?: components["schemas"]["Scope"] | null;
        };
        UserRequest: {
            name: string;
            password: string;
            prefixes?: string[];
            scope: components["schemas"]["Scope"];
        };
        Watch: {
            created_at: string | null;
            created_by: string | null;
            enabled: boolean;
            files: number;
            folder: string;
            id: string;
            last_scan_at: string | null;
            left: components["schemas"]["LeftPackages"] | null;
            mode: string;
            pause: components["schemas"]["WatchPause"] | null;
            place: string | null;
            prefix: string;
            reason: string | null;
            refused: components["schemas"]["RefusedFile"][];
            rescan_s: number;
            settle_s: number;
            settling: components["schemas"]["SettlingFile"][];
            source: string;
            state: string;
            superseded: string[];
            tags: string[];
            taken: components["schemas"]["TakenFile"][];
            version: number | null;
        };
        /** @enum {string} */
        WatchMode: "keep" | "consume" | "mirror";
        WatchPatch: {
            enabled?: boolean | null;
            folder?: string | null;
            mode?: components["schemas"]["WatchMode"] | null;
            prefix?: string | null;
            rescan_s?: number | null;
            settle_s?: number | null;
            tags?: string[] | null;
        };
        WatchPause: {
            files: string[];
            missing: number;
            missing_digest: string | null;
            published: number;
            since: string;
        };
        WatchRequest: {
            enabled?: boolean | null;
            folder: string;
            mode?: components["schemas"]["WatchMode"];
            prefix?: string;
            rescan_s?: number | null;
            settle_s?: number | null;
            tags?: string[];
        };
        Webhook: {
            allow_private: boolean;
            behind: number;
            behind_more: boolean;
            created_at: string;
            created_by: string;
            cursor: number;
            delivered_at: string | null;
            disabled_at: string | null;
            disabled_reason: string | null;
            enabled: boolean;
            etag: string;
            failing: components["schemas"]["FailingDelivery"] | null;
            id: string;
            name: string;
            old_secret_until: string | null;
            paths: string[];
            tags: string[];
            types: string[];
            url: string;
        };
        WebhookPatch: {
            allow_private?: boolean | null;
            enabled?: boolean | null;
            name?: string | null;
            paths?: string[] | null;
            tags?: string[] | null;
            types?: string[] | null;
            url?: string | null;
        };
        WebhookRequest: {
            allow_private?: boolean;
            name?: string;
            paths?: string[];
            tags?: string[];
            types?: string[];
            url: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_package_anchors: {
        parameters: {
            query?: {
                sort?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnchorsView"];
                };
            };
        };
    };
    list_audit: {
        parameters: {
            query?: {
                who?: string;
                from?: string;
                action?: string;
                subject?: string;
                since?: string;
                until?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditEntry"];
                };
            };
        };
    };
    change_packages: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BulkRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BulkView"];
                };
            };
        };
    };
    show_docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    list_events: {
        parameters: {
            query?: {
                after?: number;
                before?: number;
                limit?: number;
                type?: string;
                path?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Records"];
                };
            };
        };
    };
    follow_events: {
        parameters: {
            query?: {
                after?: number;
                type?: string;
                path?: string;
            };
            header?: {
                "Last-Event-ID"?: number | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    list_invites: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Invite"];
                };
            };
        };
    };
    create_invite: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InviteRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invite"];
                };
            };
        };
    };
    revoke_invite: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_mesh: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_MeshNode"];
                };
            };
        };
    };
    list_missing: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Missing"];
                };
            };
        };
    };
    show_node: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
        };
    };
    edit_node: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NodePatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
        };
    };
    show_document: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    list_packages: {
        parameters: {
            query?: {
                q?: string;
                prefix?: string;
                tag?: string;
                kind?: string;
                state?: string;
                sort?: string;
                replicas?: boolean;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Package"];
                };
            };
        };
    };
    show_package: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string | null;
            };
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Package"];
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    publish_package: {
        parameters: {
            query?: {
                title?: string;
                version?: string;
                identifier?: string;
                notes?: string;
                tag?: string[];
                priority?: number;
                blake3?: string;
                from?: string;
            };
            header?: {
                "If-None-Match"?: string | null;
                "If-Match"?: string | null;
                "Repr-Digest"?: string | null;
            };
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
        };
    };
    remove_package: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_package: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["PackagePatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
        };
    };
    list_peers: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Peer"];
                };
            };
        };
    };
    join_peer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JoinRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Peer"];
                };
            };
        };
    };
    show_peer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Peer"];
                };
            };
        };
    };
    remove_peer: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_peer: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PeerPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Peer"];
                };
            };
        };
    };
    sync_peer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sync"];
                };
            };
        };
    };
    show_replication: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Replication"];
                };
            };
        };
    };
    restore_revision: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
                "If-None-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestoreRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
        };
    };
    list_revisions: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Revision"];
                };
            };
        };
    };
    show_roster: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Roster"];
                };
            };
        };
    };
    admit_node: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdmitRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Member"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Member"];
                };
            };
        };
    };
    expel_node: {
        parameters: {
            query?: {
                dry_run?: boolean;
                even_if_last_holder?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Expulsion"];
                };
            };
        };
    };
    show_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Identity"];
                };
            };
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Identity"];
                };
            };
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    change_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_sessions: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Session"];
                };
            };
        };
    };
    end_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    create_set_up_link: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SetUpLink"];
                };
            };
        };
    };
    show_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
        };
    };
    edit_settings: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["SettingsPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
        };
    };
    show_storage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUsage"];
                };
            };
        };
    };
    collect_garbage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GcRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gc"];
                };
            };
        };
    };
    show_scrub: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scrub"];
                };
            };
        };
    };
    start_scrub: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scrub"];
                };
            };
        };
    };
    stop_scrub: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scrub"];
                };
            };
        };
    };
    get_snapshot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
        };
    };
    list_storage_trend: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_UsageNote"];
                };
            };
        };
    };
    list_tokens: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Token"];
                };
            };
        };
    };
    create_token: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
        };
    };
    revoke_token: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_transfers: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Transfer"];
                };
            };
        };
    };
    list_recent_transfers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_PastTransfer"];
                };
            };
        };
    };
    list_uploads: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Upload"];
                };
            };
        };
    };
    begin_upload: {
        parameters: {
            query?: never;
            header: {
                "Tus-Resumable"?: string;
                "Upload-Length": number;
                "Upload-Metadata": string;
                "Upload-Checksum"?: string | null;
                "If-None-Match"?: string | null;
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/offset+octet-stream": string;
            };
        };
        responses: {
            201: {
                headers: {
                    Location?: string;
                    "Upload-Expires"?: string;
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    discover_uploads: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    "Tus-Checksum-Algorithm"?: string;
                    "Tus-Extension"?: string;
                    "Tus-Max-Size"?: number;
                    "Tus-Version"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    show_upload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    override_method: {
        parameters: {
            query?: never;
            header: {
                "X-HTTP-Method-Override": string;
                "Upload-Offset"?: number | null;
                "Upload-Checksum"?: string | null;
                "Tus-Resumable"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/offset+octet-stream": string;
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    remove_upload: {
        parameters: {
            query?: never;
            header?: {
                "Tus-Resumable"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    tell_offset: {
        parameters: {
            query?: never;
            header?: {
                "Tus-Resumable"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "Upload-Expires"?: string;
                    "Upload-Length"?: number;
                    "Upload-Metadata"?: string;
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    send_bytes: {
        parameters: {
            query?: never;
            header: {
                "Tus-Resumable"?: string;
                "Upload-Offset": number;
                "Upload-Checksum"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/offset+octet-stream": string;
            };
        };
        responses: {
            204: {
                headers: {
                    "Upload-Expires"?: string;
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_users: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_User"];
                };
            };
        };
    };
    create_user: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    show_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    remove_user: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_user: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserPatchRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    list_watches: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Watch"];
                };
            };
        };
    };
    create_watch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WatchRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Watch"];
                };
            };
        };
    };
    show_watch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Watch"];
                };
            };
        };
    };
    remove_watch: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_watch: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WatchPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Watch"];
                };
            };
        };
    };
    confirm_watch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfirmRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Watch"];
                };
            };
        };
    };
    scan_watch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Watch"];
                };
            };
        };
    };
    list_webhooks: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Webhook"];
                };
            };
        };
    };
    create_webhook: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhook"];
                };
            };
        };
    };
    show_webhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    remove_webhook: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit_webhook: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    list_deliveries: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
                state?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Delivery"];
                };
            };
        };
    };
    show_delivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                delivery: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
        };
    };
    redeliver: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                delivery: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
        };
    };
    redeliver_since: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeliverRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redelivery"];
                };
            };
        };
    };
    rotate_webhook: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string | null;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RotateRequest"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhook"];
                };
            };
        };
    };
    skip_delivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SkipRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    test_webhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
        };
    };
}
